package admission

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kind is a kind whose requests are judged.
type Kind struct {
	// GroupVersionKind is the hub's; the other versions come converted to it.
	schema.GroupVersionKind
	Resource   string
	Namespaced bool
	// New makes an empty object of the hub's type.
	New func() runtime.Object
	// Rules are what judges them.
	Rules func(Options) Rules
}

// Rules judge the requests for a kind.
type Rules struct {
	// Default runs on CREATE, Validate on CREATE and UPDATE.
	Default  []Defaulter
	Validate []Rule
	// Advisory marks rules that only tell early what AWS would say later: writes go on
	// without them when they cannot answer.
	Advisory bool
	// Delete runs on DELETE.
	Delete []Rule
}

// The rules of each kind: add a rule here.

// Clusters are the rules for AWSCluster.
func Clusters(o Options) Rules {
	return Rules{
		Default: []Defaulter{defaultRegion(o.DefaultRegion)},
		Validate: []Rule{
			inItsPlace(o, accountRules{live: o.Live}.stays, clusterRules{live: o.Live}.exists), takenOf(o).taken,
		},
	}
}

// ClusterTemplates are the rules for AWSClusterTemplate.
func ClusterTemplates(o Options) Rules {
	return Rules{Validate: []Rule{onTemplates(identitiesOf(o).usable), onTemplates(regionRules{regions: o.Regions}.known)}}
}

// Machines are the rules for AWSMachine and AWSMachinePool.
func Machines(o Options) Rules {
	return Rules{Advisory: true, Validate: []Rule{machineRules{live: o.Live}.exists, takenOf(o).taken}}
}

// MachineTemplates are the rules for AWSMachineTemplate.
func MachineTemplates(o Options) Rules {
	return Rules{Advisory: true, Validate: []Rule{machineRules{live: o.Live}.exists}}
}

// EKSConfigs are the rules for EKSConfig.
func EKSConfigs(o Options) Rules {
	return Rules{Advisory: true, Validate: []Rule{scriptRules{host: o.Host}.exists}}
}

// Identities are the rules for every kind of identity.
func Identities(o Options) Rules {
	return Rules{Delete: []Rule{deletionRules{reader: o.Reader}.unused}}
}

// StaticIdentities are the rules for AWSClusterStaticIdentity.
func StaticIdentities(o Options) Rules {
	rules := Identities(o)
	rules.Validate = []Rule{secretRules{host: o.Host, namespace: o.Namespace}.exists}
	return rules
}

// RoleIdentities are the rules for AWSClusterRoleIdentity.
func RoleIdentities(o Options) Rules {
	rules := Identities(o)
	rules.Validate = []Rule{identitiesOf(o).sourceEnds}
	return rules
}

// ControlPlanes are the rules for AWSManagedControlPlane.
func ControlPlanes(o Options) Rules {
	return Rules{
		Default: []Defaulter{defaultRegion(o.DefaultRegion)},
		Validate: []Rule{
			inItsPlace(o, accountRules{live: o.Live}.stays, clusterRules{live: o.Live}.exists, controlPlaneRules{live: o.Live}.fits), takenOf(o).taken, rolesOf(o).bounded, ownName,
		},
	}
}

// ControlPlaneTemplates are the rules for AWSManagedControlPlaneTemplate.
func ControlPlaneTemplates(o Options) Rules {
	return Rules{Validate: []Rule{onTemplates(identitiesOf(o).usable), onTemplates(regionRules{regions: o.Regions}.known), rolesOf(o).bounded}}
}

// NodegroupTemplates are the rules for AWSManagedMachinePoolTemplate.
func NodegroupTemplates(o Options) Rules {
	return Rules{Advisory: true, Validate: []Rule{rolesOf(o).bounded}}
}

// Nodegroups are the rules for AWSManagedMachinePool.
func Nodegroups(o Options) Rules {
	rules := nodegroupRules{machineRules{live: o.Live}}
	return Rules{Advisory: true, Validate: []Rule{rules.ofEKS, rules.fits, rolesOf(o).bounded}}
}

// FargateProfiles are the rules for AWSFargateProfile.
func FargateProfiles(o Options) Rules {
	return Rules{Advisory: true, Validate: []Rule{profileRules{live: o.Live}.fits}}
}

func identitiesOf(o Options) identityRules { return identityRules{reader: o.Reader, host: o.Host} }

func rolesOf(o Options) roleRules { return roleRules{makes: o.MakeRoles, policies: o.RolePolicies} }

func takenOf(o Options) takenRules { return takenRules{living: o.Living, live: o.Live} }

// path is where a webhook is served, for example
// /validate-infrastructure-cluster-x-k8s-io-v2beta1-awscluster.
func (k Kind) path(verb string) string {
	return "/" + strings.Join([]string{verb, strings.ReplaceAll(k.Group, ".", "-"), k.Version, strings.ToLower(k.Kind)}, "-")
}
