package eks

import (
	"maps"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
)

// addon is an add-on that EKS manages.
type addon struct {
	types.Addon
	product *product
	updates updates
	// edited says that somebody changed what EKS put into the cluster.
	edited bool
}

// unmanaged is an add-on that runs without EKS's care.
type unmanaged struct {
	version, values string
	edited          bool
}

// show is the add-on as it stands: one that wants nodes is degraded while there are none.
func (c *cluster) showAddon(r *core.Region, a *addon) *types.Addon {
	out := a.Addon
	out.Tags, out.PodIdentityAssociations = maps.Clone(a.Tags), slices.Clone(a.PodIdentityAssociations)
	if a.product.deployed && out.Status == types.AddonStatusActive && !c.hasNodes(r) {
		out.Status = types.AddonStatusDegraded
		out.Health = &types.AddonHealth{Issues: []types.AddonIssue{{Code: types.AddonIssueCodeInsufficientNumberOfReplicas, ResourceIds: []string{},
			Message: core.Ptr("The add-on is unhealthy because it doesn't have the desired number of replicas.")}}}
	}
	return &out
}

// hasNodes says whether pods find a place.
func (c *cluster) hasNodes(r *core.Region) bool {
	return core.Val(c.computeEnabled()) || c.profiles.Any(func(p *profile) bool {
		return p.Status == types.FargateProfileStatusActive && slices.ContainsFunc(p.Selectors, func(s types.FargateProfileSelector) bool { return core.Val(s.Namespace) == "kube-system" })
	}) || ec2.Of(r).HasInstanceTagged("kubernetes.io/cluster/"+*c.Name, "owned")
}

func (c *cluster) computeEnabled() *bool {
	if c.ComputeConfig == nil {
		return nil
	}
	return c.ComputeConfig.Enabled
}

func (c *cluster) addon(r *core.Request, name *string) (*addon, error) {
	row := c.addons.Row(core.Val(name))
	if row == nil || r.Hidden(row.Created) {
		return nil, notFound("No addon: %s found in cluster: %s", core.Val(name), *c.Name)
	}
	r.Touch(row.ID, *row.Value.AddonArn)
	return row.Value, nil
}

// running looks up a cluster that takes changes of its add-ons, profiles and node groups.
func running(r *core.Request, name *string) (*cluster, error) {
	c, err := find(r, name)
	if err == nil && c.Status != types.ClusterStatusActive && c.Status != types.ClusterStatusUpdating {
		return nil, refuse("InvalidRequestException", 400, "Cluster '%s' is not in ACTIVE status: %s", *c.Name, c.Status)
	}
	return c, err
}

func createAddon(r *core.Request, in *sdk.CreateAddonInput) (*sdk.CreateAddonOutput, error) {
	c, err := running(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	name, err := core.Once(r, in, in.ClientRequestToken, func() (string, error) {
		a, err := c.newAddon(r, in)
		if err != nil {
			return "", err
		}
		c.addons.Put(*a.AddonName, a, r.Now())
		c.install(r, a, in.ResolveConflicts)
		return *a.AddonName, nil
	})
	if err != nil {
		return nil, err
	}
	a := c.addons.Get(name)
	if a == nil { // made under this token, and deleted since
		_, err := c.addon(r, &name)
		return nil, err
	}
	r.Touch(name, *a.AddonArn)
	return &sdk.CreateAddonOutput{Addon: c.showAddon(r.Region, a)}, nil
}

func (c *cluster) newAddon(r *core.Request, in *sdk.CreateAddonInput) (*addon, error) {
	name := core.Val(in.AddonName)
	p := productNamed(name)
	if p == nil {
		return nil, invalid("Addon %s specified is not supported in %s kubernetes version", name, *c.Version)
	}
	if c.addons.Get(name) != nil {
		return nil, inUse(*c.Name, "Addon already exists.")
	}
	version, err := p.fits(*c.Version, core.Val(in.AddonVersion))
	if err != nil {
		return nil, err
	}
	if in.ResolveConflicts == types.ResolveConflictsPreserve {
		return nil, invalid("Resolve conflicts PRESERVE is not supported for CreateAddon")
	}
	if err := addonProblem(r, p, in.ConfigurationValues, in.ServiceAccountRoleArn); err != nil {
		return nil, err
	}
	if err := tagsProblem(in.Tags); err != nil {
		return nil, err
	}
	a := &addon{product: p, Addon: types.Addon{AddonName: &name, AddonVersion: &version, ClusterName: c.Name, Status: types.AddonStatusCreating, Health: &types.AddonHealth{Issues: []types.AddonIssue{}},
		AddonArn: core.Ptr(r.ARN("eks", "addon/"+*c.Name+"/"+name+"/"+uuid(r.Region))), CreatedAt: core.Ptr(r.Now()), ModifiedAt: core.Ptr(r.Now()), Tags: maps.Clone(in.Tags),
		ConfigurationValues: in.ConfigurationValues, ServiceAccountRoleArn: in.ServiceAccountRoleArn, NamespaceConfig: &types.AddonNamespaceConfigResponse{Namespace: &p.namespace}}}
	if in.NamespaceConfig != nil && in.NamespaceConfig.Namespace != nil {
		a.NamespaceConfig.Namespace = in.NamespaceConfig.Namespace
	}
	return a, c.associate(r, a, in.PodIdentityAssociations)
}

func addonProblem(r *core.Request, p *product, values, roleARN *string) error {
	if err := configuration(p.schema, values); err != nil {
		return err
	}
	if roleARN == nil || *roleARN == "" {
		return nil
	}
	_, err := role(r, roleARN)
	return err
}

// associate gives an add-on's service accounts their roles, in place of those they had.
func (c *cluster) associate(r *core.Request, a *addon, wanted []types.AddonPodIdentityAssociations) error {
	if wanted == nil {
		return nil
	}
	for _, x := range wanted {
		if c.associations.Any(func(other *types.PodIdentityAssociation) bool {
			return *other.Namespace == *a.NamespaceConfig.Namespace && *other.ServiceAccount == core.Val(x.ServiceAccount) && core.Val(other.OwnerArn) != *a.AddonArn
		}) {
			return inUse(*c.Name, "Association already exists for service account %s", core.Val(x.ServiceAccount))
		}
		if err := podRole(r, x.RoleArn); err != nil {
			return err
		}
	}
	c.dissociate(a)
	for _, x := range wanted {
		made := c.putAssociation(r, &types.PodIdentityAssociation{Namespace: a.NamespaceConfig.Namespace, ServiceAccount: x.ServiceAccount, RoleArn: x.RoleArn, OwnerArn: a.AddonArn, DisableSessionTags: core.Ptr(false)})
		a.PodIdentityAssociations = append(a.PodIdentityAssociations, *made.AssociationArn)
	}
	return nil
}

func (c *cluster) dissociate(a *addon) {
	for _, x := range c.associations.Where(func(x *types.PodIdentityAssociation) bool { return core.Val(x.OwnerArn) == *a.AddonArn }) {
		c.associations.Delete(*x.AssociationId)
	}
	a.PodIdentityAssociations = nil
}

// install ends the creation. What runs unmanaged is taken over; where it differs, only if conflicts are to be overwritten.
func (c *cluster) install(r *core.Request, a *addon, conflicts types.ResolveConflicts) {
	failing := c.failNextAddon
	c.failNextAddon = false
	r.After(r.Config.AddonDelay, func() {
		own := c.unmanaged[*a.AddonName]
		switch {
		case a.Status != types.AddonStatusCreating:
		case failing:
			a.fail(types.AddonStatusCreateFailed, types.AddonIssueCodeInternalFailure, "The add-on could not be created.")
		case own != nil && conflicts != types.ResolveConflictsOverwrite && (own.edited || own.version != *a.AddonVersion || own.values != core.Val(a.ConfigurationValues)):
			a.fail(types.AddonStatusCreateFailed, types.AddonIssueCodeConfigurationConflict, a.product.conflict())
		default:
			delete(c.unmanaged, *a.AddonName)
			a.Status = types.AddonStatusActive
		}
	})
}

func (a *addon) fail(status types.AddonStatus, code types.AddonIssueCode, message string) {
	a.Status = status
	a.Health = &types.AddonHealth{Issues: []types.AddonIssue{{Code: code, Message: &message, ResourceIds: []string{}}}}
}

func describeAddon(r *core.Request, in *sdk.DescribeAddonInput) (*sdk.DescribeAddonOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	a, err := c.addon(r, in.AddonName)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeAddonOutput{Addon: c.showAddon(r.Region, a)}, nil
}

func listAddons(r *core.Request, in *sdk.ListAddonsInput) (*sdk.ListAddonsOutput, error) {
	c, err := find(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	list, next, err := names(r, c.addons.Rows(), in.NextToken, in.MaxResults, func(a *addon) string { return *a.AddonName })
	return &sdk.ListAddonsOutput{Addons: list, NextToken: next}, err
}

func updateAddon(r *core.Request, in *sdk.UpdateAddonInput) (*sdk.UpdateAddonOutput, error) {
	c, err := running(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	a, err := c.addon(r, in.AddonName)
	if err != nil {
		return nil, err
	}
	id, err := core.Once(r, in, in.ClientRequestToken, func() (string, error) { return c.changeAddon(r, a, in) })
	if err != nil {
		return nil, err
	}
	return &sdk.UpdateAddonOutput{Update: a.updates.Get(id)}, nil
}

// changeAddon begins an update; what isn't given keeps its value.
func (c *cluster) changeAddon(r *core.Request, a *addon, in *sdk.UpdateAddonInput) (string, error) {
	switch {
	case a.updates.current != nil:
		return "", inUse(*c.Name, "Cannot AddonUpdate because addon %s currently has update %s in progress", *a.AddonName, *a.updates.current.Id)
	case a.Status == types.AddonStatusCreating || a.Status == types.AddonStatusDeleting:
		return "", inUse(*c.Name, "Addon %s cannot be updated as it is currently in %s state", *a.AddonName, a.Status)
	}
	version := *a.AddonVersion
	if in.AddonVersion != nil && *in.AddonVersion != version {
		var err error
		if version, err = a.product.fits(*c.Version, *in.AddonVersion); err != nil {
			return "", err
		}
	}
	if err := addonProblem(r, a.product, in.ConfigurationValues, in.ServiceAccountRoleArn); err != nil {
		return "", err
	}
	if err := c.associate(r, a, in.PodIdentityAssociations); err != nil {
		return "", err
	}
	params := map[types.UpdateParamType]any{}
	for kind, value := range map[types.UpdateParamType]*string{"AddonVersion": in.AddonVersion, "ServiceAccountRoleArn": in.ServiceAccountRoleArn, "ConfigurationValues": in.ConfigurationValues} {
		if value != nil {
			params[kind] = *value
		}
	}
	if in.ResolveConflicts != "" {
		params["ResolveConflicts"] = string(in.ResolveConflicts)
	}
	failing := c.failNextAddon
	c.failNextAddon = false
	a.Status = types.AddonStatusUpdating
	return a.updates.begin(r, types.UpdateTypeAddonUpdate, params, r.Config.AddonDelay, func() *types.ErrorDetail {
		switch {
		case a.Status != types.AddonStatusUpdating:
			return nil
		case failing:
			a.fail(types.AddonStatusUpdateFailed, types.AddonIssueCodeInternalFailure, "The add-on could not be updated.")
			return &types.ErrorDetail{ErrorCode: types.ErrorCodeUnknown, ErrorMessage: core.Ptr("The add-on could not be updated."), ResourceIds: []string{}}
		case a.edited && in.ResolveConflicts != types.ResolveConflictsOverwrite && in.ResolveConflicts != types.ResolveConflictsPreserve:
			a.fail(types.AddonStatusUpdateFailed, types.AddonIssueCodeConfigurationConflict, a.product.conflict())
			return &types.ErrorDetail{ErrorCode: types.ErrorCodeConfigurationConflict, ErrorMessage: core.Ptr(a.product.conflict()), ResourceIds: []string{}}
		}
		a.AddonVersion, a.ModifiedAt, a.Status, a.Health = &version, core.Ptr(r.Now()), types.AddonStatusActive, &types.AddonHealth{Issues: []types.AddonIssue{}}
		a.edited = a.edited && in.ResolveConflicts != types.ResolveConflictsOverwrite
		if in.ConfigurationValues != nil {
			a.ConfigurationValues = in.ConfigurationValues
		}
		if in.ServiceAccountRoleArn != nil {
			a.ServiceAccountRoleArn = in.ServiceAccountRoleArn
		}
		return nil
	}), nil
}

func deleteAddon(r *core.Request, in *sdk.DeleteAddonInput) (*sdk.DeleteAddonOutput, error) {
	c, err := running(r, in.ClusterName)
	if err != nil {
		return nil, err
	}
	a, err := c.addon(r, in.AddonName)
	switch {
	case err != nil:
		return nil, err
	case a.updates.current != nil:
		return nil, inUse(*c.Name, "Addon %s cannot be deleted as it currently has update %s in progress", *a.AddonName, *a.updates.current.Id)
	case a.Status != types.AddonStatusDeleting:
		a.Status = types.AddonStatusDeleting
		r.After(r.Config.AddonDelay, func() {
			if in.Preserve {
				c.unmanaged[*a.AddonName] = &unmanaged{version: *a.AddonVersion, values: core.Val(a.ConfigurationValues), edited: a.edited}
			}
			c.dissociate(a)
			c.addons.Delete(*a.AddonName)
		})
	}
	return &sdk.DeleteAddonOutput{Addon: c.showAddon(r.Region, a)}, nil
}
