package eks

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// updates are those of a cluster, an add-on or a node group, of which one at a time is in progress.
type updates struct {
	core.Table[types.Update]
	current *types.Update
}

// begin starts an update. end carries it out, and says with what it failed.
func (u *updates) begin(r *core.Request, kind types.UpdateType, params map[types.UpdateParamType]any, lasts time.Duration, end func() *types.ErrorDetail) string {
	return u.beginUntil(r, kind, params, lasts, func() bool { return true }, end)
}

// beginUntil starts one that ends when it is done, which is looked at again and again.
func (u *updates) beginUntil(r *core.Request, kind types.UpdateType, params map[types.UpdateParamType]any, lasts time.Duration, done func() bool, end func() *types.ErrorDetail) string {
	id := uuid(r.Region)
	x := &types.Update{Id: &id, Type: kind, Status: types.UpdateStatusInProgress, CreatedAt: core.Ptr(r.Now()), Errors: []types.ErrorDetail{}, Params: paramsOf(params)}
	u.Put(id, x, r.Now())
	u.current = x
	var look func()
	look = func() {
		switch {
		case u.current != x: // cancelled
			return
		case !done():
			r.After(max(lasts, time.Second), look)
			return
		}
		u.current, x.Status = nil, types.UpdateStatusSuccessful
		if problem := end(); problem != nil {
			x.Status, x.Errors = types.UpdateStatusFailed, []types.ErrorDetail{*problem}
		}
	}
	r.After(lasts, look)
	r.Touch(id)
	return id
}

// change is an update of a cluster before it began: what it is called, what it says of itself, and what it does when it ends.
type change struct {
	kind   types.UpdateType
	params map[types.UpdateParamType]any
	apply  func()
	// start shows at once that it is under way, and undo takes that back if it fails; both may be nil.
	start, undo func()
	// lasts is how long it takes, if that isn't clusterUpdateDelay.
	lasts *time.Duration
}

// begin starts an update if no other one is in progress. The status follows a little later, and what was asked for shows when it ends; an
// update that fails leaves all as it was.
func (c *cluster) begin(r *core.Request, in any, token *string, make func() (change, error)) (*types.Update, error) {
	id, err := core.Once(r, &in, token, func() (string, error) {
		switch {
		case c.updates.current != nil:
			return "", inUse(*c.Name, "Cannot %s because cluster %s currently has update %s in progress", kindOf(make, "update"), *c.Name, *c.updates.current.Id)
		case c.Status != types.ClusterStatusActive:
			return "", refuse("InvalidRequestException", 400, "Cluster %s is in status %s", *c.Name, c.Status)
		}
		x, err := make()
		if err != nil {
			return "", err
		}
		return c.run(r, x), nil
	})
	if err != nil {
		return nil, err
	}
	return c.updates.Get(id), nil
}

// kindOf names the update that somebody wanted, if it can be told.
func kindOf(make func() (change, error), otherwise string) string {
	if x, err := make(); err == nil {
		return string(x.kind)
	}
	return otherwise
}

func (c *cluster) run(r *core.Request, x change) string {
	failing, lasts := c.failNext, r.Config.ClusterUpdateDelay
	c.failNext = false
	if x.lasts != nil {
		lasts = *x.lasts
	}
	if x.start != nil {
		x.start()
	}
	id := c.updates.begin(r, x.kind, x.params, r.Config.ClusterUpdateLag+lasts, func() *types.ErrorDetail {
		c.rest()
		if failing {
			if x.undo != nil {
				x.undo()
			}
			return &types.ErrorDetail{ErrorCode: types.ErrorCodeUnknown, ErrorMessage: core.Ptr("The update failed."), ResourceIds: []string{*c.Name}}
		}
		x.apply()
		return nil
	})
	u := c.updates.current
	r.After(r.Config.ClusterUpdateLag, func() {
		if c.updates.current == u && c.Status == types.ClusterStatusActive {
			c.Status = types.ClusterStatusUpdating
		}
	})
	return id
}

// rest ends the status that shows an update.
func (c *cluster) rest() {
	if c.Status == types.ClusterStatusUpdating {
		c.Status = types.ClusterStatusActive
	}
}

func paramsOf(params map[types.UpdateParamType]any) []types.UpdateParam {
	out := []types.UpdateParam{}
	for kind, value := range params {
		text, ok := value.(string)
		if !ok {
			encoded, _ := json.Marshal(value) // plain data always marshals
			text = string(encoded)
		}
		out = append(out, types.UpdateParam{Type: kind, Value: &text})
	}
	slices.SortFunc(out, func(a, b types.UpdateParam) int { return strings.Compare(string(a.Type), string(b.Type)) })
	return out
}

func updateClusterVersion(r *core.Request, in *sdk.UpdateClusterVersionInput) (*sdk.UpdateClusterVersionOutput, error) {
	c, err := find(r, in.Name)
	if err != nil {
		return nil, err
	}
	u, err := c.begin(r, in, in.ClientRequestToken, func() (change, error) { return c.versionChange(core.Val(in.Version), in.Force, r.Now()) })
	return &sdk.UpdateClusterVersionOutput{Update: u}, err
}

func (c *cluster) versionChange(wanted string, force bool, now time.Time) (change, error) {
	if !offered(wanted) {
		return change{}, invalid("unsupported Kubernetes version")
	}
	if minor(wanted) != minor(*c.Version)+1 {
		return change{}, invalid("Unsupported Kubernetes minor version update from %s to %s", *c.Version, wanted)
	}
	if behind := c.behind(wanted); len(behind) > 0 {
		return change{}, refuse("InvalidRequestException", 400, "Nodegroups %s must be updated to match cluster version %s before updating cluster version", strings.Join(behind, ","), *c.Version)
	}
	if blocking := c.blocking(wanted, now); len(blocking) > 0 && !force {
		return change{}, refuse("InvalidStateException", 400, "The cluster can't be updated to %s because of upgrade insights in ERROR: %s. Resolve them, or use force to override",
			wanted, strings.Join(blocking, ", "))
	}
	return change{kind: types.UpdateTypeVersionUpdate, params: map[types.UpdateParamType]any{"Version": wanted, "PlatformVersion": "eks.1"}, apply: func() { c.Version = &wanted }}, nil
}

// updatesOf are the updates of a cluster, or of one of its add-ons or node groups.
func updatesOf(r *core.Request, name, addonName, nodegroupName *string) (*updates, error) {
	c, err := find(r, name)
	switch {
	case err != nil:
		return nil, err
	case addonName != nil:
		a, err := c.addon(r, addonName)
		if err != nil {
			return nil, err
		}
		return &a.updates, nil
	case nodegroupName != nil:
		g, err := c.nodegroup(r, nodegroupName)
		if err != nil {
			return nil, err
		}
		return &g.updates, nil
	}
	return &c.updates, nil
}

func describeUpdate(r *core.Request, in *sdk.DescribeUpdateInput) (*sdk.DescribeUpdateOutput, error) {
	all, err := updatesOf(r, in.Name, in.AddonName, in.NodegroupName)
	if err != nil {
		return nil, err
	}
	u := all.Get(core.Val(in.UpdateId))
	if u == nil {
		return nil, notFound("No update found for ID: %s", core.Val(in.UpdateId))
	}
	return &sdk.DescribeUpdateOutput{Update: u}, nil
}

func listUpdates(r *core.Request, in *sdk.ListUpdatesInput) (*sdk.ListUpdatesOutput, error) {
	all, err := updatesOf(r, in.Name, in.AddonName, in.NodegroupName)
	if err != nil {
		return nil, err
	}
	ids, next, err := names(r, all.Rows(), in.NextToken, in.MaxResults, func(u *types.Update) string { return *u.Id })
	return &sdk.ListUpdatesOutput{UpdateIds: ids, NextToken: next}, err
}

// cancelUpdate stops a version update, which is the only kind that can be stopped.
func cancelUpdate(r *core.Request, in *sdk.CancelUpdateInput) (*sdk.CancelUpdateOutput, error) {
	c, err := find(r, in.Name)
	if err != nil {
		return nil, err
	}
	u := c.updates.Get(core.Val(in.UpdateId))
	switch {
	case u == nil:
		return nil, notFound("No update found for ID: %s", core.Val(in.UpdateId))
	case u.Status == types.UpdateStatusCancelled:
	case u != c.updates.current:
		return nil, refuse("InvalidRequestException", 400, "Update %s is in status %s and can't be cancelled", *u.Id, u.Status)
	case u.Type != types.UpdateTypeVersionUpdate && u.Type != types.UpdateTypeVersionRollback:
		return nil, refuse("InvalidRequestException", 400, "Updates of type %s can't be cancelled", u.Type)
	default:
		u.Status, c.updates.current = types.UpdateStatusCancelled, nil
		c.rest()
	}
	return &sdk.CancelUpdateOutput{Update: u}, nil
}
