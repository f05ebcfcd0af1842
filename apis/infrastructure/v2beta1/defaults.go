package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// MoveHierarchyLabel makes clusterctl move follow an object and what it owns.
const MoveHierarchyLabel = "clusterctl.cluster.x-k8s.io/move-hierarchy"

func addDefaultingFuncs(scheme *runtime.Scheme) error {
	return RegisterDefaults(scheme)
}

// SetDefaults_AWSClusterSpec fills in what the user left out. It is idempotent
// and never random, because ClusterClass compares server-side dry runs.
//
// The defaults of single fields are +default markers beside the fields; the
// generated code applies them after this function, and to every load balancer.
// So a secondary load balancer without a type is classic, and without a scheme
// internet-facing, like the first one: that is how these manifests have always
// behaved behind a CRD, whose structural defaults came before any webhook.
// Validation then tells the user to write the type and the scheme.
func SetDefaults_AWSClusterSpec(spec *AWSClusterSpec) {
	if spec.ControlPlaneLoadBalancer == nil {
		spec.ControlPlaneLoadBalancer = &AWSLoadBalancerSpec{}
	}
	setPortDefaults(spec.ControlPlaneLoadBalancer.IngressRules)
	if spec.SecondaryControlPlaneLoadBalancer != nil {
		setPortDefaults(spec.SecondaryControlPlaneLoadBalancer.IngressRules)
	}
	SetNetworkPortDefaults(&spec.Network)
}

// SetNetworkPortDefaults fills in the ports of a network's rules.
func SetNetworkPortDefaults(network *NetworkSpec) {
	setPortDefaults(network.AdditionalControlPlaneIngressRules)
	setPortDefaults(network.AdditionalNodeIngressRules)
	if network.CNI != nil {
		for i := range network.CNI.CNIIngressRules {
			rule := &network.CNI.CNIIngressRules[i]
			rule.FromPort, rule.ToPort = portsOrDefault(rule.Protocol, rule.FromPort, rule.ToPort)
		}
	}
}

// setPortDefaults fills in the ports of rules in a spec. Those in a status are left as AWS
// shows them.
func setPortDefaults(rules []IngressRule) {
	for i := range rules {
		rule := &rules[i]
		rule.FromPort, rule.ToPort = portsOrDefault(string(rule.Protocol), rule.FromPort, rule.ToPort)
	}
}

// portsOrDefault gives port 0 to a protocol that has none, where a port is left out.
func portsOrDefault(protocol string, from, to *int64) (first, last *int64) {
	switch SecurityGroupProtocol(protocol) {
	case SecurityGroupProtocolAll, SecurityGroupProtocolIPinIP, SecurityGroupProtocolESP, SecurityGroupProtocolICMPv6:
	default:
		return from, to
	}
	if from == nil {
		from = ptrTo(0)
	}
	if to == nil {
		to = ptrTo(0)
	}
	return from, to
}

// SetIdentityDefault gives a cluster that names no identity the server's own. It is no
// default of decoding: that would turn an identity which an update removes into another
// one without a word.
func SetIdentityDefault(spec *AWSClusterSpec) {
	if spec.IdentityRef == nil {
		spec.IdentityRef = DefaultIdentity()
	}
}

// DefaultIdentity is the identity of clusters that name none.
func DefaultIdentity() *AWSIdentityReference {
	return &AWSIdentityReference{Kind: ControllerIdentityKind, Name: AWSClusterControllerIdentityName}
}

// SetDefaults_AWSClusterTemplate names the identity in templates, whose spec can't change.
func SetDefaults_AWSClusterTemplate(template *AWSClusterTemplate) {
	SetIdentityDefault(&template.Spec.Template.Spec)
}

// SetDefaults_AWSClusterStatus derives ready, so that it can't contradict initialization,
// also in objects that were stored before it was there.
func SetDefaults_AWSClusterStatus(status *AWSClusterStatus) {
	status.Ready = status.Initialization.provisioned()
}

// SetDefaults_AWSManagedClusterStatus derives ready, as for AWSCluster.
func SetDefaults_AWSManagedClusterStatus(status *AWSManagedClusterStatus) {
	status.Ready = status.Initialization.provisioned()
}

// SetDefaults_NetworkSpec gives Calico's rules to a network that doesn't say
// what its CNI plugin needs: BGP, and IP-in-IP.
func SetDefaults_NetworkSpec(network *NetworkSpec) {
	if network.CNI != nil {
		return
	}
	network.CNI = &CNISpec{CNIIngressRules: []CNIIngressRule{
		{Description: "bgp (calico)", Protocol: string(SecurityGroupProtocolTCP), FromPort: ptrTo(179), ToPort: ptrTo(179)},
		{Description: "IP-in-IP (calico)", Protocol: string(SecurityGroupProtocolIPinIP), FromPort: ptrTo(-1), ToPort: ptrTo(65535)},
	}}
}

// SetDefaults_Bastion lets everybody reach the bastion unless the user says who
// may. It applies to a disabled bastion too, as it always has.
func SetDefaults_Bastion(bastion *Bastion) {
	if len(bastion.AllowedCIDRBlocks) == 0 && !bastion.DisableIngressRules {
		bastion.AllowedCIDRBlocks = []string{"0.0.0.0/0", "::/0"}
	}
}

// SetDefaults_AWSClusterControllerIdentity labels the identity for clusterctl move.
func SetDefaults_AWSClusterControllerIdentity(identity *AWSClusterControllerIdentity) {
	SetIdentityLabels(&identity.ObjectMeta)
}

// SetDefaults_AWSClusterRoleIdentity labels the identity for clusterctl move.
func SetDefaults_AWSClusterRoleIdentity(identity *AWSClusterRoleIdentity) {
	SetIdentityLabels(&identity.ObjectMeta)
}

// SetDefaults_AWSClusterStaticIdentity labels the identity for clusterctl move.
func SetDefaults_AWSClusterStaticIdentity(identity *AWSClusterStaticIdentity) {
	SetIdentityLabels(&identity.ObjectMeta)
}

// SetIdentityLabels labels an identity that has no labels for clusterctl move.
func SetIdentityLabels(meta *metav1.ObjectMeta) {
	if meta.Labels == nil {
		meta.Labels = map[string]string{MoveHierarchyLabel: ""}
	}
}

func ptrTo(port int64) *int64 { return &port }
