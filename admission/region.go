package admission

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/slips"
)

// Regions tells which regions an identity's account has: region to its opt-in
// status as AWS names it (opt-in-not-required, opted-in, not-opted-in). ok is
// false when AWS has not answered yet; ref nil means the controller's own
// credentials. It must answer from memory: a user waits.
type Regions interface {
	Known(ctx context.Context, ref *infrav1.AWSIdentityReference, namespace string) (regions map[string]string, ok bool)
}

// notOptedIn is the status of a region that exists but is switched off.
const notOptedIn = "not-opted-in"

// partitions are the forms of region names of the partitions that AWS publishes
// with its SDKs (partitions.json, field regionRegex).
var partitions = []struct {
	name string
	form *regexp.Regexp
}{
	{"aws", regexp.MustCompile(`^(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+$`)},
	{"aws-cn", regexp.MustCompile(`^cn-\w+-\d+$`)},
	{"aws-us-gov", regexp.MustCompile(`^us-gov-\w+-\d+$`)},
	{"aws-iso", regexp.MustCompile(`^us-iso-\w+-\d+$`)},
	{"aws-iso-b", regexp.MustCompile(`^us-isob-\w+-\d+$`)},
	{"aws-iso-e", regexp.MustCompile(`^eu-isoe-\w+-\d+$`)},
	{"aws-iso-f", regexp.MustCompile(`^us-isof-\w+-\d+$`)},
	{"aws-eusc", regexp.MustCompile(`^eusc-\w+-\w+-\d+$`)},
}

// partitionOf is empty for a name of no known form.
func partitionOf(region string) string {
	for _, p := range partitions {
		if p.form.MatchString(region) {
			return p.name
		}
	}
	return ""
}

// covers tells whether the regions known say anything about a name: those of
// one partition say nothing about another's.
func covers(regions map[string]string, region string) bool {
	partition := partitionOf(region)
	if partition == "" {
		return true
	}
	for known := range regions {
		if partitionOf(known) == partition {
			return true
		}
	}
	return false
}

type regionRules struct {
	regions Regions
}

// known: AWS has the region. What AWS cannot answer now is let in with a
// warning, because writing an object must not depend on AWS.
func (rules regionRules) known(ctx context.Context, r Request, updated, old *infrav1.AWSClusterSpec, path *field.Path) ([]string, field.ErrorList) {
	region := updated.Region
	if region == "" || (old != nil && old.Region == region && equality.Semantic.DeepEqual(old.IdentityRef, updated.IdentityRef)) {
		return nil, nil
	}
	at := path.Child("region")
	var regions map[string]string
	ok := false
	if rules.regions != nil {
		regions, ok = rules.regions.Known(ctx, updated.IdentityRef, r.Namespace)
	}
	if _, exists := regions[region]; !ok || (!exists && !covers(regions, region)) {
		return []string{unchecked(at, region)}, nil
	}
	status, exists := regions[region]
	switch {
	case !exists:
		return nil, field.ErrorList{field.Invalid(at, region, "AWS has no such region for this identity: "+suggestion(region, regions))}
	case status == notOptedIn:
		return []string{fmt.Sprintf("%s: %s is not enabled for the account of this identity, so nothing can be created there: enable it (aws account enable-region --region-name %s)", at, region, region)}, nil
	}
	return nil, nil
}

func unchecked(at *field.Path, region string) string {
	if partitionOf(region) != "" {
		return fmt.Sprintf("%s: AWS could not be asked yet whether %s exists, so it was accepted as written", at, region)
	}
	return fmt.Sprintf("%s: %s looks like no region of AWS, and AWS could not be asked yet; it was accepted as written, check it for a slip", at, region)
}

// suggestion names the nearest region, or all when none is near.
func suggestion(written string, regions map[string]string) string {
	names := slices.Sorted(maps.Keys(regions))
	best, least := "", 4 // a slip or two; more is another word
	for _, name := range names {
		if d := slips.Distance(written, name); d < least {
			best, least = name, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "write one of: " + strings.Join(names, ", ")
}
