package eks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Access is what a cluster's own API server knows of who may enter.
type Access struct {
	Status types.ClusterStatus      `json:"status"`
	Mode   types.AuthenticationMode `json:"mode"`
	// Creator is the ARN of the role or user that made the cluster, who administers it in the modes with a ConfigMap; "" where nobody does by that.
	Creator string        `json:"creator,omitempty"`
	Entries []AccessEntry `json:"entries"`
	// Public and Private say where the endpoint answers, and CIDRs to whom.
	Public  bool     `json:"public"`
	Private bool     `json:"private"`
	CIDRs   []string `json:"cidrs"`
	// Addons are what runs in the cluster, managed by EKS or not.
	Addons []AddonState `json:"addons"`
}

// AddonState is an add-on as the cluster has it.
type AddonState struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Status is "" for one that EKS doesn't manage.
	Status types.AddonStatus `json:"status,omitempty"`
	Values string            `json:"values,omitempty"`
}

// AccessEntry is one of Access's entries; placeholders of the username aren't filled in.
type AccessEntry struct {
	Principal string         `json:"principal"`
	Type      string         `json:"type"`
	Username  string         `json:"username"`
	Groups    []string       `json:"groups"`
	Policies  []AccessPolicy `json:"policies"`
}

// AccessPolicy is an access policy of AWS's, by its name, on the cluster or in namespaces.
type AccessPolicy struct {
	Name       string   `json:"name"`
	Namespaces []string `json:"namespaces,omitempty"`
}

// AccessTo tells who may enter a cluster.
func AccessTo(r *core.Region, name string) (Access, error) {
	c := of(r).clusters.Get(name)
	if c == nil {
		return Access{}, fmt.Errorf("there is no cluster %s in %s of %s", name, r.Name, r.Account)
	}
	out := Access{Status: c.Status, Mode: c.AccessConfig.AuthenticationMode, Public: c.ResourcesVpcConfig.EndpointPublicAccess, Private: c.ResourcesVpcConfig.EndpointPrivateAccess,
		CIDRs: c.ResourcesVpcConfig.PublicAccessCidrs, Entries: []AccessEntry{}, Addons: []AddonState{}}
	if *c.AccessConfig.BootstrapClusterCreatorAdminPermissions && out.Mode == types.AuthenticationModeConfigMap {
		out.Creator = c.creator
	}
	for _, x := range c.entries.All() {
		e := AccessEntry{Principal: *x.PrincipalArn, Type: *x.Type, Username: *x.Username, Groups: append([]string{}, x.KubernetesGroups...), Policies: []AccessPolicy{}}
		for _, p := range x.policies {
			e.Policies = append(e.Policies, AccessPolicy{Name: lastPart(*p.PolicyArn), Namespaces: p.AccessScope.Namespaces})
		}
		out.Entries = append(out.Entries, e)
	}
	for _, name := range slices.Sorted(maps.Keys(c.unmanaged)) {
		out.Addons = append(out.Addons, AddonState{Name: name, Version: c.unmanaged[name].version, Values: c.unmanaged[name].values})
	}
	for _, a := range c.addons.All() {
		out.Addons = append(out.Addons, AddonState{Name: *a.AddonName, Version: *a.AddonVersion, Status: c.showAddon(r, a).Status, Values: core.Val(a.ConfigurationValues)})
	}
	return out, nil
}
