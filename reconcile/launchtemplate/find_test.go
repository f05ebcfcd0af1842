package launchtemplate

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// TestATemplateThatAPoolRecordsIsNoOtherKindOfPoolsOfTheSameName: names of templates are users' to choose, and CAPA's
// carry no UID.
func TestATemplateThatAPoolRecordsIsNoOtherKindOfPoolsOfTheSameName(t *testing.T) {
	row := mirror.LaunchTemplate{LaunchTemplate: ec2types.LaunchTemplate{LaunchTemplateId: aws.String("lt-1"), LaunchTemplateName: aws.String("p"), Tags: []ec2types.Tag{
		{Key: aws.String(names.TagOwnedPrefix + "prod"), Value: aws.String(names.Owned)}, {Key: aws.String(names.TagName), Value: aws.String("p")}}}}
	snap := mirror.With(mirror.NewSnapshot(cloud.Scope{Account: "123456789012", Region: "us-east-1"}), mirror.LaunchTemplates, time.Unix(1, 0), row)
	kinds := []string{ownership.KindPool, ownership.KindManagedPool}
	for i, kind := range kinds {
		for _, records := range [][]string{{"lt-1"}, nil} {
			theirs := ownership.Object{Kind: kinds[1-i], Namespace: "theirs", Name: "p", UID: "u1", Cluster: "prod", Records: records}
			owner := ownership.Owner{Owner: names.Owner{Cluster: "prod", UID: "u2", Namespace: "mine"}, Kind: kind, Name: "p", Living: ownership.Fixed{theirs}}
			if own := Find(snap, "p", "", owner).Own(); own != nil {
				t.Errorf("an %s takes that of an %s that records %v", kind, kinds[1-i], records)
			}
		}
	}
}
