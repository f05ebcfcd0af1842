package eks

import (
	"encoding/json"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// change is an update before it began: what it is called, what it says of itself, and what it does when it ends.
type change struct {
	kind   types.UpdateType
	params map[types.UpdateParamType]any
	apply  func()
}

// begin starts an update if no other one is in progress. The status follows a little later, and what was asked for shows when it ends; an
// update that fails leaves all as it was.
func (c *cluster) begin(r *core.Request, in any, token *string, make func() (change, error)) (*types.Update, error) {
	id, err := core.Once(r, &in, token, func() (string, error) {
		switch {
		case c.current != nil:
			return "", inUse(*c.Name, "Cannot %s because cluster %s currently has update %s in progress", kindOf(make, "update"), *c.Name, *c.current.Id)
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
	id := uuid(r.Region)
	u := &types.Update{Id: &id, Type: x.kind, Status: types.UpdateStatusInProgress, CreatedAt: core.Ptr(r.Now()), Errors: []types.ErrorDetail{}, Params: paramsOf(x.params)}
	c.updates.Put(id, u, r.Now())
	c.current = u
	r.After(r.Config.ClusterUpdateLag, func() {
		if c.current == u && c.Status == types.ClusterStatusActive {
			c.Status = types.ClusterStatusUpdating
		}
	})
	r.After(r.Config.ClusterUpdateLag+r.Config.ClusterUpdateDelay, func() {
		c.current = nil
		if c.Status == types.ClusterStatusUpdating {
			c.Status = types.ClusterStatusActive
		}
		if c.failNext {
			c.failNext, u.Status = false, types.UpdateStatusFailed
			u.Errors = []types.ErrorDetail{{ErrorCode: types.ErrorCodeUnknown, ErrorMessage: core.Ptr("The update failed."), ResourceIds: []string{*c.Name}}}
			return
		}
		u.Status = types.UpdateStatusSuccessful
		x.apply()
	})
	r.Touch(id)
	return id
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
	u, err := c.begin(r, in, in.ClientRequestToken, func() (change, error) {
		wanted := core.Val(in.Version)
		if !offered(wanted) {
			return change{}, invalid("unsupported Kubernetes version")
		}
		if minor(wanted) != minor(*c.Version)+1 {
			return change{}, invalid("Unsupported Kubernetes minor version update from %s to %s", *c.Version, wanted)
		}
		return change{types.UpdateTypeVersionUpdate, map[types.UpdateParamType]any{"Version": wanted, "PlatformVersion": "eks.1"}, func() { c.Version = &wanted }}, nil
	})
	return &sdk.UpdateClusterVersionOutput{Update: u}, err
}

func describeUpdate(r *core.Request, in *sdk.DescribeUpdateInput) (*sdk.DescribeUpdateOutput, error) {
	c, err := find(r, in.Name)
	if err != nil {
		return nil, err
	}
	u := c.updates.Get(core.Val(in.UpdateId))
	if u == nil {
		return nil, notFound("No update found for ID: %s", core.Val(in.UpdateId))
	}
	return &sdk.DescribeUpdateOutput{Update: u}, nil
}

func listUpdates(r *core.Request, in *sdk.ListUpdatesInput) (*sdk.ListUpdatesOutput, error) {
	c, err := find(r, in.Name)
	if err != nil {
		return nil, err
	}
	ids, next, err := names(r, c.updates.Rows(), in.NextToken, in.MaxResults, func(u *types.Update) string { return *u.Id })
	return &sdk.ListUpdatesOutput{UpdateIds: ids, NextToken: next}, err
}
