package emulator_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// TestParallelClientsMissNothing lets clients of two accounts work at once while faults and settings change under them.
func TestParallelClientsMissNothing(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) { c.AccessKeys = map[string]string{"AKIAOTHER": "210987654321"} })
	var clients sync.WaitGroup
	failures := make(chan error, 100)
	for i := range 10 {
		clients.Go(func() {
			client := ec2.NewFromConfig(c.config([]string{"AKIATEST", "AKIAOTHER"}[i%2], "us-east-1"))
			for j := range 10 {
				vpc, err := client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String(fmt.Sprintf("10.%d.0.0/16", i*10+j)),
					TagSpecifications: tagged(types.ResourceTypeVpc, "n", fmt.Sprint(i, j))})
				if err == nil {
					_, err = client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{*vpc.Vpc.VpcId}})
				}
				if err != nil {
					failures <- err
				}
			}
		})
	}
	for range 50 {
		c.Faults().Remove(c.Faults().Set(emulator.Fault{Operation: "DeleteVpc", Code: "Unlucky"}))
		c.Configure(func(c *emulator.Config) { c.Quotas["vpcs"] = 1000 })
		c.Resources("", "")
		c.Log()
		c.Counts()
	}
	clients.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if n := c.Counts()["ec2.CreateVpc"]; n != 100 || len(c.Resources("210987654321", "")) != 50 || len(c.Resources(emulator.DefaultAccount, "")) != 50 {
		t.Errorf("%d creations, %d resources; want 100 creations, 50 in each account", n, len(c.Resources("", "")))
	}
}
