package ec2

import (
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

func createCapacityReservation(r *core.Request, in *sdk.CreateCapacityReservationInput) (*sdk.CreateCapacityReservationOutput, error) {
	n := Of(r.Region)
	id, err := core.Once(r, in, in.ClientToken, func() (string, error) { return n.newReservation(r, in) })
	if err != nil {
		return nil, err
	}
	r.Touch(id)
	return &sdk.CreateCapacityReservationOutput{CapacityReservation: n.reservations.Get(id)}, nil
}

func (n *Network) newReservation(r *core.Request, in *sdk.CreateCapacityReservationInput) (string, error) {
	switch {
	case typeNamed(val(in.InstanceType)) == nil:
		return "", invalid("Invalid value '%s' for InstanceType.", val(in.InstanceType))
	case val(in.InstanceCount) < 1:
		return "", core.Missing("instanceCount")
	case in.AvailabilityZone == nil && in.AvailabilityZoneId == nil:
		return "", core.Missing("availabilityZone")
	}
	where, err := zone(r.Region, in.AvailabilityZone, in.AvailabilityZoneId)
	if err != nil {
		return "", err
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeCapacityReservation)
	if err != nil {
		return "", err
	}
	id := r.NewID("cr")
	made := &types.CapacityReservation{CapacityReservationId: ptr(id), InstanceType: in.InstanceType, InstancePlatform: in.InstancePlatform,
		AvailabilityZone: where.ZoneName, AvailabilityZoneId: where.ZoneId, TotalInstanceCount: in.InstanceCount, AvailableInstanceCount: ptr(*in.InstanceCount),
		InstanceMatchCriteria: in.InstanceMatchCriteria, State: types.CapacityReservationStateActive, OwnerId: ptr(r.Account), CreateDate: ptr(r.Now()),
		EndDateType: in.EndDateType, Tenancy: in.Tenancy, CapacityReservationArn: ptr(r.ARN("ec2", "capacity-reservation/"+id))}
	if made.InstanceMatchCriteria == "" {
		made.InstanceMatchCriteria = types.InstanceMatchCriteriaOpen
	}
	n.reservations.Put(id, made, r.Now())
	n.setTags(id, tags)
	return id, nil
}

var reservationFilters = filters[types.CapacityReservation]{
	"availability-zone":       func(c *types.CapacityReservation) []string { return one(c.AvailabilityZone) },
	"instance-type":           func(c *types.CapacityReservation) []string { return one(c.InstanceType) },
	"instance-match-criteria": func(c *types.CapacityReservation) []string { return []string{string(c.InstanceMatchCriteria)} },
	"state":                   func(c *types.CapacityReservation) []string { return []string{string(c.State)} },
	"tenancy":                 func(c *types.CapacityReservation) []string { return []string{string(c.Tenancy)} },
}

func describeCapacityReservations(r *core.Request, in *sdk.DescribeCapacityReservationsInput) (*sdk.DescribeCapacityReservationsOutput, error) {
	n := Of(r.Region)
	page, err := describe(r, &n.reservations, query{in.CapacityReservationIds, in.Filters, in.NextToken, in.MaxResults}, reservationFilters, noReservation)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeCapacityReservationsOutput{CapacityReservations: []types.CapacityReservation{}, NextToken: next(page.Next)}
	for _, c := range page.Items {
		shown := *c
		shown.Tags = n.tags[*c.CapacityReservationId]
		out.CapacityReservations = append(out.CapacityReservations, shown)
	}
	return out, nil
}

func cancelCapacityReservation(r *core.Request, in *sdk.CancelCapacityReservationInput) (*sdk.CancelCapacityReservationOutput, error) {
	c, err := find(r, &Of(r.Region).reservations, in.CapacityReservationId, "capacityReservationId", noReservation)
	if err != nil {
		return nil, err
	}
	c.State, c.AvailableInstanceCount, c.TotalInstanceCount = types.CapacityReservationStateCancelled, ptr(int32(0)), ptr(int32(0))
	return &sdk.CancelCapacityReservationOutput{Return: ptr(true)}, nil
}

// resolveReservation finds the Capacity Reservation that the launch uses: a targeted one, or an open one that fits.
func (o *order) resolveReservation(r *core.Request, n *Network) error {
	want := o.in.CapacityReservationSpecification
	if want != nil && want.CapacityReservationTarget != nil && want.CapacityReservationTarget.CapacityReservationId != nil {
		c, err := find(r, &n.reservations, want.CapacityReservationTarget.CapacityReservationId, "capacityReservationId", noReservation)
		if err != nil {
			return err
		}
		switch {
		case c.State != types.CapacityReservationStateActive:
			return core.Refuse("InvalidCapacityReservationState", "The Capacity Reservation '%s' is %s.", *c.CapacityReservationId, c.State)
		case *c.InstanceType != o.kind.name || *c.AvailabilityZone != *o.zone.ZoneName:
			return invalid("The Capacity Reservation '%s' is for %s in %s", *c.CapacityReservationId, *c.InstanceType, *c.AvailabilityZone)
		case *c.AvailableInstanceCount < int32(o.count):
			return core.Refuse("ReservationCapacityExceeded", "The Capacity Reservation '%s' has no capacity left.", *c.CapacityReservationId)
		}
		o.reservation = c
		return nil
	}
	preference := types.CapacityReservationPreferenceOpen
	if want != nil && want.CapacityReservationPreference != "" {
		preference = want.CapacityReservationPreference
	}
	if preference == types.CapacityReservationPreferenceNone || o.spot() {
		return nil
	}
	for _, c := range n.reservations.All() {
		if c.State == types.CapacityReservationStateActive && c.InstanceMatchCriteria == types.InstanceMatchCriteriaOpen && *c.InstanceType == o.kind.name &&
			*c.AvailabilityZone == *o.zone.ZoneName && *c.AvailableInstanceCount >= int32(o.count) {
			o.reservation = c
			return nil
		}
	}
	if preference == types.CapacityReservationPreferenceCapacityReservationsOnly {
		return core.Refuse("ReservationCapacityExceeded", "No open Capacity Reservation has room for %s in %s.", o.kind.name, *o.zone.ZoneName)
	}
	return nil
}

func reservationSpecification(in *types.CapacityReservationSpecification) *types.CapacityReservationSpecificationResponse {
	out := &types.CapacityReservationSpecificationResponse{CapacityReservationPreference: in.CapacityReservationPreference}
	if target := in.CapacityReservationTarget; target != nil {
		out.CapacityReservationTarget = &types.CapacityReservationTargetResponse{CapacityReservationId: target.CapacityReservationId,
			CapacityReservationResourceGroupArn: target.CapacityReservationResourceGroupArn}
	}
	return out
}
