package validation

import (
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// market is how instances are paid for, as machines and launch templates say it.
type market struct {
	kind          infrav1.MarketType
	spot          *infrav1.SpotMarketOptions
	reservationID *string
	preference    infrav1.CapacityReservationPreference
}

func machineMarket(spec *infrav1.AWSMachineSpec) market {
	return market{spec.MarketType, spec.SpotMarketOptions, spec.CapacityReservationID, spec.CapacityReservationPreference}
}

func launchTemplateMarket(spec *infrav1.AWSLaunchTemplate) market {
	return market{spec.MarketType, spec.SpotMarketOptions, spec.CapacityReservationID, spec.CapacityReservationPreference}
}

func (m market) isSpot() bool { return m.spot != nil || m.kind == infrav1.MarketTypeSpot }

// validate judges what excludes what. The path is that of the fields' parent.
func (m market) validate(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if m.spot != nil && (m.kind == infrav1.MarketTypeCapacityBlock || m.kind == infrav1.MarketTypeOnDemand) {
		errs = append(errs, field.Invalid(path.Child("marketType"), m.kind,
			"marketType "+string(m.kind)+" and spotMarketOptions cannot be used together: write Spot, or remove spotMarketOptions"))
	}
	return append(errs, m.validateReservation(path)...)
}

func (m market) validateReservation(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	const only = infrav1.CapacityReservationPreferenceOnly
	reservation, preference := path.Child("capacityReservationId"), path.Child("capacityReservationPreference")
	if m.reservationID == nil && m.kind == infrav1.MarketTypeCapacityBlock {
		errs = append(errs, field.Required(reservation, "is required when marketType is CapacityBlock: write the block's id, such as cr-0123456789abcdef0"))
	}
	if m.reservationID != nil && m.isSpot() {
		errs = append(errs, field.Forbidden(reservation, "may not be set when marketType is Spot or spotMarketOptions is set; remove one of the two"))
	}
	if m.reservationID != nil && m.preference != "" && m.preference != only {
		errs = append(errs, field.Invalid(preference, m.preference, "may only be CapacityReservationsOnly, or left out, when capacityReservationId is set"))
	}
	if m.preference == only && m.isSpot() {
		errs = append(errs, field.Invalid(preference, m.preference, "may not be CapacityReservationsOnly when marketType is Spot or spotMarketOptions is set; write None or leave it out"))
	}
	return errs
}

var reservationPreferences = []infrav1.CapacityReservationPreference{
	infrav1.CapacityReservationPreferenceNone,
	infrav1.CapacityReservationPreferenceOnly,
	infrav1.CapacityReservationPreferenceOpen,
}

// validateForms judges single values. A template may still have placeholders in them.
func (m market) validateForms(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if m.preference != "" && !slices.Contains(reservationPreferences, m.preference) {
		errs = append(errs, field.NotSupported(path.Child("capacityReservationPreference"), m.preference, reservationPreferences))
	}
	if m.reservationID != nil {
		errs = append(errs, validatePrefixedItem(*m.reservationID, "cr-", path.Child("capacityReservationId"))...)
	}
	if m.spot == nil || m.spot.MaxPrice == nil || *m.spot.MaxPrice == "" {
		return errs
	}
	if price, err := strconv.ParseFloat(*m.spot.MaxPrice, 64); err != nil || !(price > 0) || price > 1e6 {
		errs = append(errs, field.Invalid(path.Child("spotMarketOptions", "maxPrice"), *m.spot.MaxPrice,
			`must be a price per hour in US dollars, such as "0.05"; leave it out to pay up to the on-demand price`))
	}
	return errs
}
