// Package facts answers what an account has and may do, for those who ask before
// something is made: from the mirror where it keeps the answer, else from memory of
// AWS's last one.
package facts

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"k8s.io/utils/clock"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// How old answers may be. Whoever has just made what was missing waits for
// missingAge at the most until it counts as there.
const (
	// typesAge and offeringsAge: AWS adds instance types and zones every few weeks.
	typesAge     = 12 * time.Hour
	offeringsAge = 6 * time.Hour
	// keysAge, profileAge: people make and delete those a few times a day.
	keysAge    = 5 * time.Minute
	profileAge = 5 * time.Minute
	// quotaAge: AWS takes hours to raise a quota.
	quotaAge = time.Hour
	// networkAge is the usual sweep's: a subnet that was deleted since will be noticed then.
	networkAge = time.Minute
	// instancesAge is good enough for a warning.
	instancesAge = time.Minute
	// missingAge is how long something counts as missing.
	missingAge = 10 * time.Second
	// failureAge is how long AWS isn't asked again after it refused to answer.
	failureAge = 10 * time.Second
	// readTime is how long a session may be used for the answer to a question.
	readTime = 30 * time.Second
	// askTimeout bounds one call, the wait for the request budget included.
	askTimeout = 30 * time.Second
)

// Facts answers questions. All its methods may be called at the same time. An error
// means that AWS couldn't be asked, or that ctx ended before it answered.
type Facts struct {
	mirror    *mirror.Mirror
	images    *cloud.Images
	offerings *cloud.Memo[[]string]
	keys      *cloud.Memo[[]string]
	profiles  *cloud.Memo[bool]
	quotas    *cloud.Memo[float64]
	templates *cloud.Memo[*ec2types.ResponseLaunchTemplateData]
	eks       eksFacts
	allowance *allowance
}

// New gives facts of nothing yet. Share images with whoever else looks for images.
// The mirror keeps mirror.NetworkTables, mirror.MachineTables and mirror.EKSTables. The clock is the
// real one if nil.
func New(m *mirror.Mirror, images *cloud.Images, c clock.PassiveClock) *Facts {
	if c == nil {
		c = clock.RealClock{}
	}
	times := func(age time.Duration) cloud.MemoTimes {
		return cloud.MemoTimes{Answer: age, Failure: failureAge, Timeout: askTimeout}
	}
	return &Facts{mirror: m, images: images,
		offerings: cloud.NewMemo[[]string](c, times(offeringsAge)), keys: cloud.NewMemo[[]string](c, times(keysAge)),
		profiles: cloud.NewMemo[bool](c, times(profileAge)), quotas: cloud.NewMemo[float64](c, times(quotaAge)), templates: cloud.NewMemo[*ec2types.ResponseLaunchTemplateData](c, times(keysAge)), eks: newEKSFacts(c, times), allowance: newAllowance(c)}
}

// refresh has a table of the mirror no older than the age. Nothing is kept for it.
func (f *Facts) refresh(ctx context.Context, s *cloud.Session, age time.Duration, kind mirror.Kind) error {
	f.mirror.WantFor("facts/"+s.Scope.String()+"/"+s.Identity, s, readTime)
	return f.mirror.Refresh(ctx, s.Scope, age, kind)
}

// InstanceTypes returns all types that the region offers, in whatever zone.
func (f *Facts) InstanceTypes(ctx context.Context, s *cloud.Session) ([]*ec2types.InstanceTypeInfo, error) {
	if err := f.refresh(ctx, s, typesAge, mirror.InstanceTypes.Kind); err != nil {
		return nil, err
	}
	return mirror.Select(f.mirror.Snapshot(s.Scope), mirror.InstanceTypes, nil), nil
}

// ZonesOffering returns the zones that offer an instance type, sorted.
func (f *Facts) ZonesOffering(ctx context.Context, s *cloud.Session, instanceType string) ([]string, error) {
	return f.offerings.Get(f.allowance.of(ctx, s), s.Asker(), instanceType, func(ctx context.Context) ([]string, error) {
		in := &ec2.DescribeInstanceTypeOfferingsInput{LocationType: ec2types.LocationTypeAvailabilityZone,
			Filters: []ec2types.Filter{{Name: aws.String("instance-type"), Values: []string{instanceType}}}}
		var zones []string
		for pages := ec2.NewDescribeInstanceTypeOfferingsPaginator(s.EC2, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, o := range page.InstanceTypeOfferings {
				zones = append(zones, aws.ToString(o.Location))
			}
		}
		slices.Sort(zones)
		return zones, nil
	})
}

// Image returns an image, nil when there is none of the id.
func (f *Facts) Image(ctx context.Context, s *cloud.Session, id string) (*ec2types.Image, error) {
	image, err := f.images.Find(f.allowance.of(ctx, s), s, cloud.ImageQuery{ID: id})
	var none *cloud.NoImageError
	// A malformed id is no image's either.
	if errors.As(err, &none) || cloud.Is(err, cloud.InvalidParameter) {
		return nil, nil
	}
	return image, err
}

// KeyPairs returns the names of all key pairs, sorted. That wanted is not among them
// was true a few seconds ago.
func (f *Facts) KeyPairs(ctx context.Context, s *cloud.Session, wanted string) ([]string, error) {
	ctx = f.allowance.of(ctx, s)
	ask := func(ctx context.Context) ([]string, error) {
		out, err := s.EC2.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{})
		if err != nil {
			return nil, err
		}
		var names []string
		for _, k := range out.KeyPairs {
			names = append(names, aws.ToString(k.KeyName))
		}
		slices.Sort(names)
		return names, nil
	}
	names, err := f.keys.Get(ctx, s.Asker(), "", ask)
	if err != nil || slices.Contains(names, wanted) {
		return names, err
	}
	return f.keys.GetYounger(ctx, s.Asker(), "", missingAge, ask)
}

// LaunchTemplate returns what a version of a launch template, of an id or a name, says; nil
// when there is none.
func (f *Facts) LaunchTemplate(ctx context.Context, s *cloud.Session, id, name, version string) (*ec2types.ResponseLaunchTemplateData, error) {
	ctx = f.allowance.of(ctx, s)
	ask := func(ctx context.Context) (*ec2types.ResponseLaunchTemplateData, error) {
		in := &ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{version}}
		if id != "" {
			in.LaunchTemplateId = &id
		} else {
			in.LaunchTemplateName = &name
		}
		out, err := s.EC2.DescribeLaunchTemplateVersions(ctx, in)
		// A malformed id is no template's either.
		if cloud.IsNotFound(err) || cloud.Is(err, cloud.InvalidParameter) {
			return nil, nil
		}
		if err != nil || len(out.LaunchTemplateVersions) == 0 {
			return nil, err
		}
		return out.LaunchTemplateVersions[0].LaunchTemplateData, nil
	}
	key := id + " " + name + " " + version
	found, err := f.templates.Get(ctx, s.Asker(), key, ask)
	if err != nil || found != nil {
		return found, err
	}
	return f.templates.GetYounger(ctx, s.Asker(), key, missingAge, ask)
}

// EKSImage tells whether AWS has an image of the name for EKS's nodes.
func (f *Facts) EKSImage(ctx context.Context, s *cloud.Session, name, architecture string) (bool, error) {
	_, err := f.images.Find(f.allowance.of(ctx, s), s, cloud.ImageQuery{Owner: "amazon", Name: name, Architecture: architecture})
	var none *cloud.NoImageError
	if errors.As(err, &none) {
		return false, nil
	}
	return err == nil, err
}

// HasInstanceProfile tells whether the account has an instance profile of the name.
func (f *Facts) HasInstanceProfile(ctx context.Context, s *cloud.Session, name string) (bool, error) {
	ctx = f.allowance.of(ctx, s)
	// IAM is the same in all regions.
	asker := cloud.Asker{Scope: s.Scope.Global(), Identity: s.Identity}
	ask := func(ctx context.Context) (bool, error) {
		_, err := s.IAM.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: aws.String(name)})
		// A malformed name is no profile's either.
		if cloud.IsNotFound(err) || cloud.Is(err, cloud.InvalidParameter) {
			return false, nil
		}
		return err == nil, err
	}
	found, err := f.profiles.Get(ctx, asker, name, ask)
	if err != nil || found {
		return found, err
	}
	return f.profiles.GetYounger(ctx, asker, name, missingAge, ask)
}

// Snapshot is what is known of where a session leads to.
func (f *Facts) Snapshot(s *cloud.Session) *mirror.Snapshot { return f.mirror.Snapshot(s.Scope) }

// VPC returns a VPC, nil when there is none of the id.
func (f *Facts) VPC(ctx context.Context, s *cloud.Session, id string) (*mirror.VPC, error) {
	return row(ctx, f, s, mirror.VPCs, id)
}

// Subnet returns a subnet, nil when there is none of the id.
func (f *Facts) Subnet(ctx context.Context, s *cloud.Session, id string) (*ec2types.Subnet, error) {
	return row(ctx, f, s, mirror.Subnets, id)
}

// SecurityGroup returns a security group, nil when there is none of the id.
func (f *Facts) SecurityGroup(ctx context.Context, s *cloud.Session, id string) (*ec2types.SecurityGroup, error) {
	return row(ctx, f, s, mirror.SecurityGroups, id)
}

// row looks a row up in a table of the mirror; that it is missing was true a few
// seconds ago.
func row[T any](ctx context.Context, f *Facts, s *cloud.Session, table *mirror.Table[T], id string) (*T, error) {
	for _, age := range []time.Duration{networkAge, missingAge} {
		if err := f.refresh(ctx, s, age, table.Kind); err != nil {
			return nil, err
		}
		if found, ok := mirror.Get(f.mirror.Snapshot(s.Scope), table, id); ok {
			return found, nil
		}
	}
	return nil, nil
}

// Instances returns the account's instances.
func (f *Facts) Instances(ctx context.Context, s *cloud.Session) ([]*ec2types.Instance, error) {
	if err := f.refresh(ctx, s, instancesAge, mirror.Instances.Kind); err != nil {
		return nil, err
	}
	return mirror.Select(f.mirror.Snapshot(s.Scope), mirror.Instances, nil), nil
}

// Quota returns the value of one of EC2's quotas.
func (f *Facts) Quota(ctx context.Context, s *cloud.Session, code string) (float64, error) {
	return f.quotas.Get(f.allowance.of(ctx, s), s.Asker(), code, func(ctx context.Context) (float64, error) {
		out, err := s.ServiceQuotas.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String(code)})
		if err != nil {
			return 0, err
		}
		return aws.ToFloat64(out.Quota.Value), nil
	})
}
