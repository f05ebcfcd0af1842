package awscluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// BenchmarkPlanAtRest plans a complete cluster, alone in its account and among
// the subnets of a thousand others. The ratio is what sharing an account costs.
func BenchmarkPlanAtRest(b *testing.B) {
	cluster, alone := completeWorld(b)
	shared := mirror.With(alone, mirror.Subnets, time.Now(), foreignSubnets(6000)...)
	for name, snap := range map[string]*mirror.Snapshot{"alone": alone, "among 1000 clusters": shared} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if left := Plan(NewIntent(cluster, nil), snap); len(left.Actions) > 0 {
					b.Fatalf("a complete cluster has %d actions left", len(left.Actions))
				}
			}
		})
	}
}

func foreignSubnets(n int) []ec2types.Subnet {
	subnets := make([]ec2types.Subnet, n)
	for i := range subnets {
		subnets[i] = ec2types.Subnet{SubnetId: aws.String(fmt.Sprintf("subnet-foreign-%d", i)), VpcId: aws.String(fmt.Sprintf("vpc-foreign-%d", i/6))}
	}
	return subnets
}
