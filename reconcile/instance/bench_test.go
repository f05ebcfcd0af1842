package instance

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// BenchmarkFind looks for a machine's instance among so many of others in the account.
func BenchmarkFind(b *testing.B) {
	tags := func(pairs ...string) (list []ec2types.Tag) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, ec2types.Tag{Key: aws.String(pairs[i]), Value: aws.String(pairs[i+1])})
		}
		return list
	}
	for _, foreign := range []int{1_000, 20_000} {
		b.Run(fmt.Sprintf("foreign=%d", foreign), func(b *testing.B) {
			rows := []ec2types.Instance{{InstanceId: aws.String("i-ours"), State: &ec2types.InstanceState{Name: ec2types.InstanceStateNameRunning},
				Tags: tags(names.TagOwnedPrefix+"c1", names.Owned, names.TagUID, "uid", names.TagName, "m1")}}
			for i := range foreign {
				rows = append(rows, ec2types.Instance{InstanceId: aws.String(fmt.Sprintf("i-%d", i)), Tags: tags("Name", "m1", "team", "x")})
			}
			snap := mirror.With(mirror.NewSnapshot(cloud.Scope{Account: "111122223333", Region: "us-east-1"}), mirror.Instances, time.Now(), rows...)
			owner := ownership.Owner{Owner: names.Owner{Cluster: "c1", UID: "uid"}, Name: "m1"}
			for b.Loop() {
				if Find(&infrav1.AWSMachineSpec{}, owner, snap).Row == nil {
					b.Fatal("not found")
				}
			}
		})
	}
}
