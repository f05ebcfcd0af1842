package eks

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// actions are what AWS may do to a cluster by itself, or have go wrong. Their id is a cluster's name, with what further is wanted behind a
// slash: "prod", "prod/coredns", "prod/IamRoleNotFound". node-drained is what pods do.
var actions = map[string]func(*core.Region, string) bool{
	"fail-cluster-creation":     onCluster(func(_ *core.Region, c *cluster, _ string) bool { c.failing = true; return true }),
	"fail-next-cluster-update":  onCluster(func(_ *core.Region, c *cluster, _ string) bool { c.failNext = true; return true }),
	"fail-next-addon":           onCluster(func(_ *core.Region, c *cluster, _ string) bool { c.failNextAddon = true; return true }),
	"fail-next-fargate-profile": onCluster(func(_ *core.Region, c *cluster, _ string) bool { c.failNextProfile = true; return true }),
	"fail-next-nodegroup":       onCluster(func(_ *core.Region, c *cluster, _ string) bool { c.failNextNodegroup = true; return true }),
	"upgrade-cluster":           onCluster(func(r *core.Region, c *cluster, _ string) bool { return c.upgradeByAWS(r) }),
	"cluster-issue":             onCluster(func(_ *core.Region, c *cluster, code string) bool { return c.ail(code) }),
	"heal-cluster": onCluster(func(_ *core.Region, c *cluster, _ string) bool {
		c.Health = &types.ClusterHealth{Issues: []types.ClusterIssue{}}
		return true
	}),
	"node-drained": onCluster(func(_ *core.Region, c *cluster, instance string) bool { return c.drained(instance) }),
	"edit-addon":   onCluster(func(_ *core.Region, c *cluster, name string) bool { return c.edit(name) }),
	"addon-issue":  onCluster(func(_ *core.Region, c *cluster, what string) bool { return c.degrade(what) }),
	"heal-addon":   onCluster(func(_ *core.Region, c *cluster, name string) bool { return c.heal(name) }),
	"insight": onCluster(func(_ *core.Region, c *cluster, status string) bool {
		c.usage = types.InsightStatusValue(status)
		return true
	}),
}

func onCluster(do func(r *core.Region, c *cluster, further string) bool) func(*core.Region, string) bool {
	return func(r *core.Region, id string) bool {
		name, further, _ := strings.Cut(id, "/")
		c := of(r).clusters.Get(name)
		return c != nil && do(r, c, further)
	}
}

// upgradeByAWS is what happens at the end of a version's support.
func (c *cluster) upgradeByAWS(r *core.Region) bool {
	if c.updates.current != nil || c.Status != types.ClusterStatusActive {
		return false
	}
	x, err := c.versionChange("1."+itoa(minor(*c.Version)+1), true, r.Now())
	if err != nil {
		return false
	}
	c.run(r.System("eks.amazonaws.com", "UpdateClusterVersion"), x)
	return true
}

// ail gives the cluster a health issue of a code, AccessDenied by default.
func (c *cluster) ail(code string) bool {
	if code == "" {
		code = string(types.ClusterIssueCodeAccessDenied)
	}
	c.Health = &types.ClusterHealth{Issues: append(c.Health.Issues, types.ClusterIssue{Code: types.ClusterIssueCode(code), Message: core.Ptr("The cluster has a problem: " + code), ResourceIds: []string{*c.Name}})}
	return true
}

// edit is somebody changing what an add-on put into the cluster.
func (c *cluster) edit(name string) bool {
	if own := c.unmanaged[name]; own != nil {
		own.edited = true
		return true
	}
	a := c.addons.Get(name)
	if a != nil {
		a.edited = true
	}
	return a != nil
}

// degrade gives an add-on a health issue: "coredns/ClusterUnreachable".
func (c *cluster) degrade(what string) bool {
	name, code, _ := strings.Cut(what, "/")
	a := c.addons.Get(name)
	if a == nil {
		return false
	}
	if code == "" {
		code = string(types.AddonIssueCodeInternalFailure)
	}
	a.fail(types.AddonStatusDegraded, types.AddonIssueCode(code), "The add-on has a problem: "+code)
	return true
}

func (c *cluster) heal(name string) bool {
	a := c.addons.Get(name)
	if a == nil {
		return false
	}
	a.Status, a.Health = types.AddonStatusActive, &types.AddonHealth{Issues: []types.AddonIssue{}}
	return true
}
