package eks

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// drain is the part of a rotation in which pods leave the nodes that are to go. What runs on nodes is played by somebody else, who learns of
// them from ControlPlane and says when one is empty; while nobody plays it, nothing runs there.
type drain struct {
	force bool
	// since is when the pods of an instance were asked to leave first; empty are those whose nodes they have left.
	since map[string]time.Time
	empty map[string]bool
}

// mayGo tells whether an instance is empty, or may be taken for it. After evictionDelay, pods that stayed are deleted where that is forced.
func (c *cluster) mayGo(r *core.Region, d *drain, instance string) bool {
	if _, asked := d.since[instance]; !asked {
		d.since[instance] = r.Now()
	}
	return !c.played || d.empty[instance] || d.force && d.late(r, instance)
}

func (d *drain) late(r *core.Region, instance string) bool {
	return !r.Now().Before(d.since[instance].Add(r.Settings().EvictionDelay))
}

// full are the instances whose pods are to leave and didn't.
func (d *drain) full() []string {
	if d == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(d.since)), func(id string) bool { return d.empty[id] })
}

// stuck are those of them for which EKS waits no longer.
func (c *cluster) stuck(r *core.Region, d *drain) []string {
	if !c.played || d.force {
		return nil
	}
	return slices.DeleteFunc(d.full(), func(id string) bool { return !d.late(r, id) })
}

// drained notes that no pod is left on an instance that has to be evicted: "prod/i-0123456789abcdef0".
func (c *cluster) drained(instance string) bool {
	for _, g := range c.nodegroups.All() {
		if slices.Contains(g.drain.full(), instance) {
			g.drain.empty[instance] = true
			return true
		}
	}
	return false
}

// evictionFailure is the end of an update whose pods didn't leave in time.
func (g *nodegroup) evictionFailure(instances []string) *types.ErrorDetail {
	return &types.ErrorDetail{ErrorCode: types.ErrorCodePodEvictionFailure, ResourceIds: instances,
		ErrorMessage: core.Ptr("Reached max retries while trying to evict pods from nodes in node group " + *g.NodegroupName)}
}
