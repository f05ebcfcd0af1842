package awsmanagedcontrolplane

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaccess"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaddon"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksidentity"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksparts"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekspodidentity"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/oidcprovider"
)

// The annotations that remember what the spec named, as JSON: what it names no more is
// deleted then, and a move keeps it.
const (
	accessEntriesAnnotation = "capa-apiserver.cluster.x-k8s.io/access-entries"
	podIdentitiesAnnotation = "capa-apiserver.cluster.x-k8s.io/pod-identities"
	awsAuthAnnotation       = "capa-apiserver.cluster.x-k8s.io/aws-auth"
)

// parts is what hangs below the EKS cluster, or belongs to it.
func (in *Intent) parts(cluster *eks.State, account string) eksparts.Intent {
	c, row := in.ControlPlane, cluster.Own()
	spec, status := &c.Spec, &c.Status
	if row == nil {
		row = &ekstypes.Cluster{}
	}
	parent, ready := ekschild.Parent{Cluster: c.ClusterName(), Owner: in.owner(), Removed: names.Unwanted(c, in.owner().UserTags())}, row.Status == ekstypes.ClusterStatusActive
	parts := eksparts.Intent{
		Addons:        eksaddon.Intent{Parent: parent, Kubernetes: aws.ToString(row.Version), Ready: ready},
		Access:        eksaccess.Intent{Parent: parent, Ready: ready, Recorded: remembered(c, accessEntriesAnnotation)},
		PodIdentities: ekspodidentity.Intent{Parent: parent, Ready: ready, Recorded: remembered(c, podIdentitiesAnnotation)},
		Identity:      eksidentity.Intent{Parent: parent, Busy: cluster.Locked(), Recorded: status.IdentityProviderStatus.ARN},
		Provider: oidcprovider.Intent{Owner: in.owner(), Partition: cmp.Or(in.Partition, spec.Partition, "aws"), Account: account,
			Wanted: spec.AssociateOIDCProvider && !in.deleting(), Recorded: status.OIDCProvider.ARN},
	}
	if row.AccessConfig != nil {
		parts.Access.Mode = row.AccessConfig.AuthenticationMode
	}
	parts.Provider.Owner.Cluster = c.ClusterName() // as in the tags of the EKS cluster
	parts.Provider.Tags = parts.Provider.Owner.Tags("", "", nil)
	if row.Identity != nil && row.Identity.Oidc != nil {
		parts.Provider.Issuer = aws.ToString(row.Identity.Oidc.Issuer)
	}
	for _, a := range spec.Addons {
		parts.Addons.Addons = append(parts.Addons.Addons, addonOf(&a))
	}
	for _, a := range status.Addons {
		parts.Addons.Recorded = append(parts.Addons.Recorded, a.Name)
	}
	for _, e := range spec.AccessEntries {
		parts.Access.Entries = append(parts.Access.Entries, entryOf(&e))
	}
	in.nodeEntries(&parts.Access, cluster, account)
	for _, a := range spec.PodIdentityAssociations {
		parts.PodIdentities.Associations = append(parts.PodIdentities.Associations, ekspodidentity.Association{Namespace: a.Namespace, ServiceAccount: a.ServiceAccount,
			RoleARN: a.RoleARN, TargetRoleARN: a.TargetRoleARN, DisableSessionTags: &a.DisableSessionTags})
	}
	if p := spec.OIDCIdentityProviderConfig; p != nil {
		parts.Identity.ConfigTags = p.Tags
		parts.Identity.Config = &ekstypes.OidcIdentityProviderConfigRequest{IdentityProviderConfigName: &p.IdentityProviderConfigName, ClientId: &p.ClientID, IssuerUrl: &p.IssuerURL,
			GroupsClaim: p.GroupsClaim, GroupsPrefix: p.GroupsPrefix, UsernameClaim: p.UsernameClaim, UsernamePrefix: p.UsernamePrefix, RequiredClaims: p.RequiredClaims}
	}
	return parts
}

func (in *Intent) deleting() bool { return !in.ControlPlane.DeletionTimestamp.IsZero() }

func addonOf(a *controlplanev1.Addon) eksaddon.Addon {
	addon := eksaddon.Addon{Name: a.Name, Version: a.Version, Configuration: a.Configuration, RoleARN: aws.ToString(a.ServiceAccountRoleARN), Preserve: a.PreserveOnDelete}
	if a.ConflictResolution != nil {
		addon.Conflicts = ekstypes.ResolveConflicts(strings.ToUpper(string(*a.ConflictResolution)))
	}
	for _, p := range a.PodIdentityAssociations {
		addon.Identities = append(addon.Identities, ekstypes.AddonPodIdentityAssociations{ServiceAccount: &p.ServiceAccount, RoleArn: &p.RoleARN})
	}
	return addon
}

func entryOf(e *controlplanev1.AccessEntry) eksaccess.Entry {
	entry := eksaccess.Entry{Principal: e.PrincipalARN, Type: strings.ToUpper(string(e.Type)), Username: e.Username, Groups: e.KubernetesGroups}
	for _, p := range e.AccessPolicies {
		policy := eksaccess.Policy{ARN: p.PolicyARN}
		if p.AccessScope.Type == controlplanev1.AccessScopeTypeNamespace {
			policy.Namespaces = p.AccessScope.Namespaces
		}
		entry.Policies = append(entry.Policies, policy)
	}
	return entry
}

// hasParts tells that there is something to hang below, or something left of it.
func (v *view) hasParts() bool { return v.cluster.Active() || v.Deleting() }

// partRows are the rows that the parts are judged by. What is below a cluster goes with it.
func (v *view) partRows() []mirror.Interest {
	switch {
	case v.Deleting():
		return v.parts.Provider.Wants()
	case !v.hasParts():
		return nil
	}
	return slices.Concat(profileRows(v.Intent.profiles...), v.parts.Addons.Wants(), v.parts.Access.Wants(), v.parts.Provider.Wants(), v.parts.Identity.Wants(), v.parts.PodIdentities.Wants())
}

// recordParts has the object remember what the spec names, and tells whether that is new.
func (v *view) recordParts(into *controlplanev1.AWSManagedControlPlane) bool {
	if !v.hasParts() {
		return false
	}
	changed := remember(into, accessEntriesAnnotation, v.parts.Access.Left())
	changed = remember(into, podIdentitiesAnnotation, v.parts.PodIdentities.Left()) || changed
	if v.facts != nil {
		changed = remember(into, awsAuthAnnotation, v.endpoint.Workload.Written(v.facts.Cluster)) || changed
	}
	if tags := v.appliedTags(); tags != names.AppliedTags(into) {
		names.SetAppliedTags(into, tags)
		changed = true
	}
	return changed
}

// appliedTags are the users' tags that the object remembers: those that are wanted, and others until
// nothing below the cluster has them.
func (v *view) appliedTags() string {
	users := v.owner().UserTags()
	return names.Remember(v.ControlPlane, users, names.Unwanted(v.ControlPlane, users), v.parts.Tags()...)
}

// mostRemembered bounds what users may write there, of which each is looked up in AWS: as many as a spec may name, and
// as many that it named before.
const mostRemembered = 2000

func remembered(obj metav1.Object, key string) []string {
	var list []string
	// Text that isn't ours says nothing.
	_ = json.Unmarshal([]byte(obj.GetAnnotations()[key]), &list)
	list = slices.DeleteFunc(list, func(name string) bool { return !strings.Contains(name, "/") })
	return list[:min(len(list), mostRemembered)]
}

func remember(obj metav1.Object, key string, list []string) bool {
	text := ""
	if len(list) > 0 {
		data, err := json.Marshal(list)
		if err != nil {
			panic(err) // texts can be written out
		}
		text = string(data)
	}
	if obj.GetAnnotations()[key] == text {
		return false
	}
	names.Annotate(obj, key, text)
	return true
}

// partsStatus shows what hangs below the EKS cluster.
func (v *view) partsStatus(status *controlplanev1.AWSManagedControlPlaneStatus) {
	if !v.hasParts() || v.Deleting() {
		return
	}
	before := status.Addons
	status.Addons = nil
	for _, name := range v.parts.Addons.Names() {
		row, known := v.parts.Addons.Row(name)
		i := slices.IndexFunc(before, func(a controlplanev1.AddonState) bool { return a.Name == name })
		switch {
		case row != nil:
			status.Addons = append(status.Addons, showAddon(row))
		case !known && i >= 0:
			status.Addons = append(status.Addons, before[i])
		}
	}
	status.OIDCProvider = controlplanev1.OIDCProviderStatus{ARN: v.parts.Provider.Record()}
	if status.OIDCProvider.ARN != "" {
		status.OIDCProvider.TrustPolicy = strings.NewReplacer("\n", "", "\t", "").Replace(oidcprovider.TrustPolicy(status.OIDCProvider.ARN))
	}
	if row, known := v.parts.Identity.Row(); known {
		status.IdentityProviderStatus = controlplanev1.IdentityProviderStatus{}
		if row != nil {
			status.IdentityProviderStatus = controlplanev1.IdentityProviderStatus{ARN: aws.ToString(row.IdentityProviderConfigArn), Status: string(row.Status)}
		}
	}
}

func showAddon(a *mirror.EKSAddon) controlplanev1.AddonState {
	shown := controlplanev1.AddonState{Name: aws.ToString(a.AddonName), Version: aws.ToString(a.AddonVersion), ARN: aws.ToString(a.AddonArn),
		ServiceAccountRoleARN: a.ServiceAccountRoleArn, Status: aws.String(string(a.Status))}
	if a.CreatedAt != nil {
		shown.CreatedAt = metav1.NewTime(*a.CreatedAt).Rfc3339Copy()
	}
	if a.ModifiedAt != nil {
		shown.ModifiedAt = metav1.NewTime(*a.ModifiedAt).Rfc3339Copy()
	}
	if a.Health != nil {
		for _, issue := range a.Health.Issues {
			shown.Issues = append(shown.Issues, controlplanev1.AddonIssue{Code: aws.String(string(issue.Code)), Message: issue.Message, ResourceIDs: issue.ResourceIds})
		}
	}
	return shown
}

// partConditions tell of the parts. None keeps the control plane from being ready.
func (v *view) partConditions() []conditions.Condition {
	if !v.hasParts() || v.Deleting() {
		return nil
	}
	var list []conditions.Condition
	for _, a := range v.parts.Areas() {
		a.Failures, a.Acting = v.Failures, v.Acting
		list = append(list, a.Condition(v.todo))
	}
	return list
}
