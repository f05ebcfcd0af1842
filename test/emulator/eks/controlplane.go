package eks

import (
	"net/url"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// ControlPlane is what runs behind the endpoint of a cluster, for what plays it.
type ControlPlane struct {
	Name     string `json:"name"`
	ARN      string `json:"arn"`
	Version  string `json:"version"`
	Endpoint string `json:"endpoint"`
	// Certificate and Key are the authority, as PEM.
	Certificate []byte `json:"certificate"`
	Key         []byte `json:"key"`
	Access      Access `json:"access"`
	// Nodegroups are those whose nodes EKS starts, Profiles those of Fargate that are active.
	Nodegroups []*types.Nodegroup      `json:"nodegroups"`
	Profiles   []*types.FargateProfile `json:"profiles"`
	// Draining are instances whose nodes' pods are to leave. Who plays the control plane says of each when they have (the action
	// "node-drained"); whoever asks for control planes plays them.
	Draining []string `json:"draining"`
}

// controlPlanes lists those that run.
func controlPlanes(r *core.Region, _ url.Values) (any, error) {
	out := []ControlPlane{}
	for _, c := range of(r).clusters.All() {
		if c.Status != types.ClusterStatusActive && c.Status != types.ClusterStatusUpdating {
			continue
		}
		access, err := AccessTo(r, *c.Name)
		if err != nil {
			return nil, err
		}
		plane := ControlPlane{Name: *c.Name, ARN: *c.Arn, Version: *c.Version, Endpoint: *c.Endpoint,
			Certificate: c.authority.certificate, Key: c.authority.key, Access: access}
		c.played = true
		for _, g := range c.nodegroups.All() {
			plane.Draining = append(plane.Draining, g.drain.full()...)
			plane.Nodegroups = append(plane.Nodegroups, g.show(r))
		}
		for _, p := range c.profiles.All() {
			if p.Status == types.FargateProfileStatusActive {
				plane.Profiles = append(plane.Profiles, p.show())
			}
		}
		out = append(out, plane)
	}
	return out, nil
}
