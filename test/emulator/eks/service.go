// Package eks emulates Elastic Kubernetes Service: control planes, what changes them, and the versions there are. Nothing runs behind an
// endpoint of its own.
package eks

import (
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/schemas"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Service returns EKS as the emulator's frame takes it.
func Service() *core.Service {
	return &core.Service{
		Name:        "eks",
		SigningName: "eks",
		Protocol: core.NewRESTJSON(
			schemas.CreateCluster, schemas.DescribeCluster, schemas.ListClusters, schemas.DeleteCluster,
			schemas.UpdateClusterConfig, schemas.UpdateClusterVersion, schemas.DescribeUpdate, schemas.ListUpdates,
			schemas.DescribeClusterVersions, schemas.TagResource, schemas.UntagResource, schemas.ListTagsForResource,
		),
		Operations: []core.Operation{
			core.Op(createCluster), core.Op(describeCluster), core.Op(listClusters), core.Op(deleteCluster),
			core.Op(updateClusterConfig), core.Op(updateClusterVersion), core.Op(describeUpdate), core.Op(listUpdates),
			core.Op(describeClusterVersions), core.Op(tagResource), core.Op(untagResource), core.Op(listTagsForResource),
		},
		Inventory: inventory,
		Actions: map[string]func(*core.Region, string) bool{
			"fail-cluster-creation":    onCluster(func(c *cluster) { c.failing = true }),
			"fail-next-cluster-update": onCluster(func(c *cluster) { c.failNext = true }),
		},
	}
}

type state struct{ clusters core.Table[cluster] }

func of(r *core.Region) *state { return core.Of[state](r) }

// Limits of the API reference and of "View and manage Amazon EKS and Fargate service quotas".
const (
	mostClusters = 100
	mostResults  = 100
	mostCIDRs    = 40
	mostGroups   = 4
	fewestZones  = 2
)

// name is the form that the API reference gives for the name of a cluster.
var name = regexp.MustCompile(`^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$`)

func onCluster(do func(*cluster)) func(*core.Region, string) bool {
	return func(r *core.Region, id string) bool {
		c := of(r).clusters.Get(id)
		if c == nil {
			return false
		}
		do(c)
		return true
	}
}

// The errors of the API reference, in EKS's words.

func refuse(code string, status int, format string, args ...any) error {
	return &core.Error{Code: code, Status: status, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return refuse("InvalidParameterException", 400, format, args...)
}

func inUse(clusterName, format string, args ...any) error {
	return &core.Error{Code: "ResourceInUseException", Status: 409, Message: fmt.Sprintf(format, args...), Members: map[string]any{"clusterName": clusterName}}
}

func notFound(format string, args ...any) error {
	return refuse("ResourceNotFoundException", 404, format, args...)
}

// find looks up a cluster that this request may see.
func find(r *core.Request, id *string) (*cluster, error) {
	row := of(r.Region).clusters.Row(core.Val(id))
	if row == nil || r.Hidden(row.Created) {
		return nil, notFound("No cluster found for name: %s.", core.Val(id))
	}
	r.Touch(row.ID, *row.Value.Arn)
	return row.Value, nil
}

func inventory(r *core.Region) []core.Resource {
	var out []core.Resource
	for _, c := range of(r).clusters.All() {
		out = append(out, core.Resource{Service: "eks", Type: "cluster", ID: *c.Name, State: string(c.Status), Tags: c.Tags, Content: &c.Cluster})
	}
	return out
}

// day is a date of a calendar.
func day(year int, month time.Month, date int) *time.Time {
	return core.Ptr(time.Date(year, month, date, 0, 0, 0, 0, time.UTC))
}
