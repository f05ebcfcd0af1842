package awscluster

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

const wavelengthZone = "us-east-1-wl1-bos-wlz-1"

// withWavelength has subnets in an availability zone and in a wavelength zone.
func withWavelength(c *infrav1.AWSCluster) {
	edge, parent := infrav1.ZoneTypeWavelengthZone, "us-east-1a"
	c.Spec.Network.Subnets = infrav1.Subnets{
		{ID: "a-public", CidrBlock: "10.0.1.0/24", AvailabilityZone: parent, IsPublic: true},
		{ID: "a-private", CidrBlock: "10.0.2.0/24", AvailabilityZone: parent},
		{ID: "w-public", CidrBlock: "10.0.3.0/24", AvailabilityZone: wavelengthZone, IsPublic: true, ZoneType: &edge, ParentZoneName: &parent},
		{ID: "w-private", CidrBlock: "10.0.4.0/24", AvailabilityZone: wavelengthZone, ZoneType: &edge, ParentZoneName: &parent},
	}
}

func TestWavelengthSubnetsReachTheCarrier(t *testing.T) {
	w := newWorld(t, newCluster(withWavelength))
	if _, err := w.ec2().ModifyAvailabilityZoneGroup(context.Background(), &ec2.ModifyAvailabilityZoneGroupInput{
		GroupName: aws.String("us-east-1-wl1"), OptInStatus: ec2types.ModifyAvailabilityZoneOptInStatusOptedIn}); err != nil {
		t.Fatal(err)
	}
	w.create()
	if n := w.Resources()["carrier-gateway"]; n != 1 {
		t.Fatalf("there are %d carrier gateways: %v", n, w.Resources())
	}
	gateway := aws.ToString(w.get().Spec.Network.VPC.CarrierGatewayID)
	out, err := w.ec2().DescribeRouteTables(context.Background(), &ec2.DescribeRouteTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	carriers := map[string]int{} // routes to the carrier by subnet
	for _, table := range out.RouteTables {
		for _, r := range table.Routes {
			for _, a := range table.Associations {
				if aws.ToString(r.CarrierGatewayId) == gateway && gateway != "" {
					carriers[aws.ToString(a.SubnetId)]++
				}
			}
		}
	}
	public := ""
	for _, s := range w.get().Spec.Network.Subnets {
		if s.ID == "w-public" {
			public = s.ResourceID
		}
	}
	if len(carriers) != 1 || carriers[public] != 1 {
		t.Errorf("routes to the carrier %s are in the tables of %v, want only that of %s", gateway, carriers, public)
	}
	if c, _ := w.condition(infrav1.CarrierGatewayReadyCondition); c.Status != "True" {
		t.Errorf("the condition is %+v", c)
	}
	w.restart()
	w.delete()
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}
