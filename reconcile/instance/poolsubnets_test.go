package instance

import (
	"slices"
	"strings"
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func TestSubnetsOfAPoolAreThoseThatCAPAChooses(t *testing.T) {
	infra, edge := testInfra(), infrav1.ZoneTypeLocalZone
	infra.Subnets = append(infra.Subnets,
		infrav1.SubnetSpec{ID: "c1-edge", ResourceID: "subnet-edge", AvailabilityZone: "us-east-1-bos-1a", ZoneType: &edge},
		infrav1.SubnetSpec{AvailabilityZone: "us-east-1c"})
	kind := func(k infrav1.AZSubnetType) *infrav1.AZSubnetType { return &k }
	for _, x := range []struct {
		name    string
		spec    infrav1.AWSMachinePoolSpec
		domains []string
		want    string
		err     string
	}{
		{name: "private ones when nobody names a zone", want: "subnet-a subnet-b"},
		{name: "private ones without a zone, whatever the kind", spec: infrav1.AWSMachinePoolSpec{AvailabilityZoneSubnetType: kind(infrav1.AZSubnetTypePublic)},
			want: "subnet-a subnet-b"},
		{name: "all of a zone without a kind", spec: infrav1.AWSMachinePoolSpec{AvailabilityZones: []string{"us-east-1a"}}, want: "subnet-pa subnet-a"},
		{name: "all of a failure domain without a kind", domains: []string{"us-east-1a"}, want: "subnet-pa subnet-a"},
		{name: "all, those of pods too", spec: infrav1.AWSMachinePoolSpec{AvailabilityZones: []string{"us-east-1b"}, AvailabilityZoneSubnetType: kind(infrav1.AZSubnetTypeAll)},
			want: "subnet-pods subnet-b"},
		{name: "zones of the pool before failure domains", spec: infrav1.AWSMachinePoolSpec{AvailabilityZones: []string{"us-east-1b"},
			AvailabilityZoneSubnetType: kind(infrav1.AZSubnetTypePrivate)}, domains: []string{"us-east-1a"}, want: "subnet-b"},
		{name: "public ones", spec: infrav1.AWSMachinePoolSpec{AvailabilityZones: []string{"us-east-1a"}, AvailabilityZoneSubnetType: kind(infrav1.AZSubnetTypePublic)},
			want: "subnet-pa"},
		{name: "at the edge, where a zone says so", spec: infrav1.AWSMachinePoolSpec{AvailabilityZones: []string{"us-east-1-bos-1a"}}, want: "subnet-edge"},
		{name: "those in another VPC that a filter names", spec: infrav1.AWSMachinePoolSpec{Subnets: []infrav1.AWSResourceReference{{Filters: []infrav1.Filter{{Name: "vpc-id", Values: []string{"vpc-2"}}}}}},
			want: "subnet-y"},
		{name: "none in the region that a filter names", spec: infrav1.AWSMachinePoolSpec{Subnets: []infrav1.AWSResourceReference{{Filters: []infrav1.Filter{{Name: "vpc-id", Values: []string{"vpc-3"}}}}}},
			err: "no subnet passes the filters of spec.subnets in us-east-1"},
		{name: "a zone without", spec: infrav1.AWSMachinePoolSpec{AvailabilityZones: []string{"us-east-1a", "us-east-1c"}}, err: "the cluster has no subnet in us-east-1c"},
		{name: "a zone without one of the kind", spec: infrav1.AWSMachinePoolSpec{AvailabilityZones: []string{"us-east-1b"},
			AvailabilityZoneSubnetType: kind(infrav1.AZSubnetTypePublic)}, err: "the cluster has no public subnet in us-east-1b"},
	} {
		t.Run(x.name, func(t *testing.T) {
			got, err := PoolSubnets(&x.spec, infra, x.domains, nil, testSnapshot())
			if !slices.Equal(got, strings.Fields(x.want)) || (err == nil) != (x.err == "") || err != nil && !strings.Contains(err.Error(), x.err) {
				t.Errorf("subnets %q, error %v; want %q, %q", got, err, x.want, x.err)
			}
		})
	}
}
