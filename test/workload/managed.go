package workload

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/test/workload/userdata"
)

// groupOf is the managed node group of an instance and its control plane, nil for an instance of none.
func (s *Instances) groupOf(instance ec2types.Instance) (*eksCluster, *ekstypes.Nodegroup) {
	var cluster, name string
	for _, tag := range instance.Tags {
		switch aws.ToString(tag.Key) {
		case "eks:cluster-name":
			cluster = aws.ToString(tag.Value)
		case "eks:nodegroup-name":
			name = aws.ToString(tag.Value)
		}
	}
	if name == "" {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.planes {
		if c.plane.Name == cluster {
			return c, c.group(name)
		}
	}
	return nil, nil
}

func (c *eksCluster) group(name string) *ekstypes.Nodegroup {
	i := slices.IndexFunc(c.plane.Nodegroups, func(g *ekstypes.Nodegroup) bool { return aws.ToString(g.NodegroupName) == name })
	if i < 0 {
		return nil
	}
	return c.plane.Nodegroups[i]
}

// joinManaged does what a node does whose data EKS writes: that of the user's launch template is only run before.
func (s *Instances) joinManaged(ctx context.Context, m *machine, c *eksCluster, g *ekstypes.Nodegroup, h host, config *userdata.Config) error {
	if err := c.letIn(ctx, aws.ToString(g.NodeRole)); err != nil {
		return err
	}
	if err := c.admits(ctx, s, aws.ToString(g.NodeRole)); err != nil {
		return err
	}
	node := h.node()
	if config != nil {
		node.Spec.Taints = append(node.Spec.Taints, config.Taints()...)
	}
	m.own = node.Labels
	dress(node, m.own, g)
	if err := client.IgnoreAlreadyExists(c.client.Create(ctx, node)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m.plane, m.node, m.group = c, node, aws.ToString(g.NodegroupName)
	return nil
}

// letIn writes the line of a role whose nodes EKS starts, where it has no access entries.
func (c *eksCluster) letIn(ctx context.Context, role string) error {
	if c.plane.Access.Mode != ekstypes.AuthenticationModeConfigMap {
		return nil
	}
	line := "- rolearn: " + withoutPath(role) + "\n  username: system:node:{{EC2PrivateDNSName}}\n  groups:\n  - system:bootstrappers\n  - system:nodes\n"
	have := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "aws-auth"}}
	err := c.client.Get(ctx, client.ObjectKeyFromObject(have), have)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return err
	case err != nil:
		have.Data = map[string]string{"mapRoles": line}
		return c.client.Create(ctx, have)
	case strings.Contains(have.Data["mapRoles"], withoutPath(role)):
		return nil
	}
	if have.Data == nil {
		have.Data = map[string]string{}
	}
	have.Data["mapRoles"] += line
	return c.client.Update(ctx, have)
}

// effects are those of taints, as Kubernetes calls them.
var effects = map[ekstypes.TaintEffect]corev1.TaintEffect{ekstypes.TaintEffectNoSchedule: corev1.TaintEffectNoSchedule,
	ekstypes.TaintEffectNoExecute: corev1.TaintEffectNoExecute, ekstypes.TaintEffectPreferNoSchedule: corev1.TaintEffectPreferNoSchedule}

// dress gives a node the labels and taints of its group, beside its own labels.
func dress(node *corev1.Node, own map[string]string, g *ekstypes.Nodegroup) {
	node.Labels = maps.Clone(own)
	maps.Copy(node.Labels, g.Labels)
	node.Labels["eks.amazonaws.com/nodegroup"] = aws.ToString(g.NodegroupName)
	node.Labels["eks.amazonaws.com/capacityType"] = string(g.CapacityType)
	var taints []corev1.Taint
	for _, t := range g.Taints {
		taints = append(taints, corev1.Taint{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value), Effect: effects[t.Effect]})
	}
	node.Spec.Taints = taints
}

// follow has the nodes of a control plane's groups follow the labels and taints of these.
func (s *Instances) follow(ctx context.Context, c *eksCluster) {
	s.mu.Lock()
	var members []*machine
	for _, m := range s.machines {
		if m.plane == c && m.group != "" && !m.final {
			members = append(members, m)
		}
	}
	s.mu.Unlock()
	for _, m := range members {
		node, g := &corev1.Node{}, c.group(m.group)
		if g == nil || c.client.Get(ctx, client.ObjectKeyFromObject(m.node), node) != nil {
			continue
		}
		before := node.DeepCopy()
		if dress(node, m.own, g); !equality.Semantic.DeepEqual(before, node) {
			_ = c.client.Update(ctx, node) // it is tried again at the next look
		}
	}
}
