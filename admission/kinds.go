package admission

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// kind is one row of the table of what is judged.
type kind struct {
	object     client.Object
	plural     string
	namespaced bool

	// mutate runs on CREATE, validate on CREATE and UPDATE.
	mutate   []Defaulter
	validate []Rule
	// advisory marks rules that only tell early what AWS would say later: writes go on
	// without them when they cannot answer.
	advisory bool
	// deletion runs on DELETE.
	deletion []Rule
}

func (k kind) groupVersionKind() schema.GroupVersionKind {
	return infrav1.SchemeGroupVersion.WithKind(k.name())
}

// kinds is the table: add a rule here.
func kinds(o Options) []kind {
	identities := identityRules{reader: o.Reader, host: o.Host}
	regions := regionRules{regions: o.Regions}
	deletion := deletionRules{reader: o.Reader}
	machines := machineRules{live: o.Live}
	accounts := accountRules{live: o.Live}
	taken := takenRules{living: o.Living, live: o.Live}
	return []kind{
		{
			object: &infrav1.AWSCluster{}, plural: "awsclusters", namespaced: true,
			mutate:   []Defaulter{defaultRegion(o.DefaultRegion)},
			validate: []Rule{onClusters(identities.usable), onClusters(regions.known), accounts.stays, taken.taken},
		},
		{
			object: &infrav1.AWSClusterTemplate{}, plural: "awsclustertemplates", namespaced: true,
			validate: []Rule{onTemplates(identities.usable), onTemplates(regions.known)},
		},
		{
			object: &infrav1.AWSMachine{}, plural: "awsmachines", namespaced: true, advisory: true,
			validate: []Rule{machines.exists, taken.taken},
		},
		{
			object: &infrav1.AWSMachineTemplate{}, plural: "awsmachinetemplates", namespaced: true, advisory: true,
			validate: []Rule{machines.exists},
		},
		{
			object: &infrav1.AWSMachinePool{}, plural: "awsmachinepools", namespaced: true, advisory: true,
			validate: []Rule{machines.exists, taken.taken},
		},
		{
			object: &infrav1.AWSClusterRoleIdentity{}, plural: "awsclusterroleidentities",
			validate: []Rule{identities.sourceEnds},
			deletion: []Rule{deletion.unused},
		},
		{
			object: &infrav1.AWSClusterStaticIdentity{}, plural: "awsclusterstaticidentities",
			deletion: []Rule{deletion.unused},
		},
		{
			object: &infrav1.AWSClusterControllerIdentity{}, plural: "awsclustercontrolleridentities",
			deletion: []Rule{deletion.unused},
		},
	}
}

func (k kind) name() string { return kindName(k.object) }

// path is where a webhook is served, for example
// /validate-infrastructure-cluster-x-k8s-io-v2beta1-awscluster.
func (k kind) path(verb string) string {
	gvk := k.groupVersionKind()
	return "/" + strings.Join([]string{verb, strings.ReplaceAll(gvk.Group, ".", "-"), gvk.Version, strings.ToLower(gvk.Kind)}, "-")
}
