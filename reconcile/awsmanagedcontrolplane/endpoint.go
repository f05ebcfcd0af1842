package awsmanagedcontrolplane

import (
	"context"
	"encoding/base64"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/endpoint"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/kubeconfig"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/oidcprovider"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/workload"
)

// targetOf is where an EKS cluster serves its API; without an endpoint where it doesn't.
func targetOf(name string, c *ekstypes.Cluster) workload.Target {
	t := workload.Target{Name: name}
	if c == nil || c.CertificateAuthority == nil {
		return t
	}
	if ca, err := base64.StdEncoding.DecodeString(aws.ToString(c.CertificateAuthority.Data)); err == nil {
		t.Endpoint, t.CA = aws.ToString(c.Endpoint), ca
	}
	return t
}

// endpoint is what is wanted at the endpoint of a cluster that is active, on a network.
func (v *view) endpointIntent(s *eks.State, n *network.State) endpoint.Intent {
	in := &v.Intent
	cp, spec := in.ControlPlane, &in.ControlPlane.Spec
	var c *ekstypes.Cluster
	if s.Active() {
		c = s.Own()
	}
	t := targetOf(cp.ClusterName(), c)
	lasting, twin := spec.ControlPlaneAccess != nil && spec.ControlPlaneAccess.Token == controlplanev1.ControlPlaneTokenServiceAccount, in.twin()
	e := endpoint.Intent{
		Kubeconfig: kubeconfig.Intent{Namespace: cp.Namespace, Cluster: in.Name, Region: spec.Region, Target: t, Lasting: lasting, Twin: twin,
			Owner: metav1.OwnerReference{APIVersion: controlplanev1.SchemeGroupVersion.String(), Kind: "AWSManagedControlPlane", Name: cp.Name, UID: cp.UID, Controller: aws.Bool(true)}},
		Workload: workload.Intent{Target: t, LastingAccess: lasting || twin, WithoutKubeProxy: spec.KubeProxy.Disable,
			Private: c != nil && c.ResourcesVpcConfig != nil && !c.ResourcesVpcConfig.EndpointPublicAccess},
	}
	if spec.TokenMethod != nil {
		e.Kubeconfig.Method = kubeconfig.Method(*spec.TokenMethod)
	}
	if arn := cp.Status.OIDCProvider.ARN; spec.AssociateOIDCProvider && arn != "" {
		e.Workload.TrustPolicy = oidcprovider.TrustPolicy(arn)
	}
	e.Workload.Roles, e.Workload.Users = v.mappings()
	e.Workload.Lines = remembered(cp, awsAuthAnnotation)
	e.Workload.CNI = in.cni(c, n)
	return e
}

// twin tells that another namespace has an EKS cluster of the name in another region. A name that follows from the
// object's own is its own: whoever chose it has the twin.
func (in *Intent) twin() bool {
	unnamed, owner := *in.ControlPlane, in.owner()
	unnamed.Spec.EKSClusterName = ""
	return unnamed.ClusterName() != in.ControlPlane.ClusterName() && owner.HasTwin(ownership.EKSCluster(in.ControlPlane.ClusterName()))
}

// mappings are the lines of aws-auth that are wanted: of nodes first, and none where nobody reads
// them.
func (v *view) mappings() (roles, users []workload.Mapping) {
	own := v.cluster.Own()
	if !v.takesLines(own) {
		return nil, nil
	}
	roles = v.nodeLines(own)
	if m := v.ControlPlane.Spec.IAMAuthenticatorConfig; m != nil {
		for _, r := range m.RoleMappings {
			roles = append(roles, workload.Mapping{ARN: r.RoleARN, Username: r.UserName, Groups: r.Groups})
		}
		for _, u := range m.UserMappings {
			users = append(users, workload.Mapping{ARN: u.UserARN, Username: u.UserName, Groups: u.Groups})
		}
	}
	return roles, users
}

// cni is what is wanted of the VPC CNI.
func (in *Intent) cni(c *ekstypes.Cluster, n *network.State) workload.CNI {
	spec := &in.ControlPlane.Spec
	cni := workload.CNI{Disable: spec.VpcCni.Disable, Env: envOf(spec.VpcCni.Env)}
	if spec.SecondaryCidrBlock == nil {
		return cni
	}
	for _, s := range n.Subnets {
		if s.Pods() && s.Row != nil {
			cni.Subnets = append(cni.Subnets, workload.PodSubnet{Zone: s.Spec.AvailabilityZone, ID: s.ID()})
		}
	}
	if c != nil && c.ResourcesVpcConfig != nil {
		for _, id := range []string{n.GroupID(infrav1.SecurityGroupEKSNodeAdditional), aws.ToString(c.ResourcesVpcConfig.ClusterSecurityGroupId)} {
			if id != "" {
				cni.SecurityGroups = append(cni.SecurityGroups, id)
			}
		}
	}
	return cni
}

// envOf are variables in Kubernetes' own type, whose JSON they have.
func envOf(vars []controlplanev1.EnvVar) []corev1.EnvVar {
	var out []corev1.EnvVar
	text, err := json.Marshal(vars)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		return nil // both have the same fields
	}
	return out
}

// lookEndpoint holds the looks at what is at the endpoint that failed.
const lookEndpoint = engine.LookPrefix + "endpoint"

// lookAtEndpoint sees to it that it is known what is at the endpoint. What can't be read there stops
// nothing else.
func (w *worker) lookAtEndpoint(ctx context.Context) (err error) {
	if w.pass.Deleting() || !w.view().cluster.Active() {
		return nil
	}
	if _, err = w.options.Endpoints.Look(ctx, w.pass.Session, &w.view().endpoint); err != nil {
		w.pass.LookFailed(lookEndpoint, kubeconfig.Area, err)
	} else {
		w.pass.Memory.Holds.Release(lookEndpoint)
	}
	w.pass.Changed()
	return nil
}

// endpointAreas are the conditions of what is at the endpoint.
var endpointAreas = []string{kubeconfig.Area, workload.AreaAuthenticator, workload.Area}

// endpointConditions tell of it. They keep no control plane from being ready. Who doesn't look there says what
// the object says.
func (v *view) endpointConditions() []conditions.Condition {
	if v.Deleting() || v.cluster.Seen() && v.cluster.Own() == nil {
		return nil
	}
	var list []conditions.Condition
	for i, failed := range []string{"KubeconfigFailed", controlplanev1.IAMAuthenticatorConfigurationFailedReason, "WorkloadClusterConfigurationFailed"} {
		area := endpointAreas[i]
		stored, said := conditions.Stored(v.ControlPlane, area)
		switch looked := v.facts != nil && v.facts.Looked(&v.endpoint); {
		case said && !looked:
			list = append(list, stored)
		case v.facts != nil:
			list = append(list, conditions.Area{Type: area, Failed: failed, Failures: v.Failures, Acting: v.Acting}.Condition(v.todo))
		}
	}
	return list
}

// tookAtEndpoint tells nothing of tokens that were renewed, which happens every few minutes.
func (w *worker) tookAtEndpoint(r plan.Result) engine.Consequence {
	if write, ok := r.Action.Input.(*kubeconfig.Write); !ok || write.Replaces == "" || r.Outcome != plan.Done {
		return engine.Untaken
	}
	w.pass.Memory.Holds.Did(r.Action, w.pass.Clock.Now())
	return engine.Silent
}
