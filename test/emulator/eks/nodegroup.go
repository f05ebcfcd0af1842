package eks

import (
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// nodegroup is a managed node group.
type nodegroup struct {
	types.Nodegroup
	updates updates
}

func (c *cluster) nodegroup(r *core.Request, name *string) (*nodegroup, error) {
	row := c.nodegroups.Row(core.Val(name))
	if row == nil || r.Hidden(row.Created) {
		return nil, notFound("No node group found for name: %s.", core.Val(name))
	}
	r.Touch(row.ID, *row.Value.NodegroupArn)
	return row.Value, nil
}

// behind are the node groups that a version of the control plane would leave more than three minor versions behind.
func (c *cluster) behind(wanted string) []string {
	var out []string
	for _, g := range c.nodegroups.All() {
		if minor(wanted)-minor(*g.Version) > 3 {
			out = append(out, *g.NodegroupName)
		}
	}
	return out
}
