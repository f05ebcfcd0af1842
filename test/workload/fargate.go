package workload

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const profileLabel = "eks.amazonaws.com/fargate-profile"

// fargate has each pod that waits and that a profile selects run on a node of its own, which goes with it.
func (s *Instances) fargate(ctx context.Context, c *eksCluster) error {
	all, nodes := &corev1.PodList{}, &corev1.NodeList{}
	for _, list := range []client.ObjectList{all, nodes} {
		if err := c.client.List(ctx, list); err != nil {
			return err
		}
	}
	used := map[string]bool{}
	for i := range all.Items {
		pod := &all.Items[i]
		if used[pod.Spec.NodeName] = true; pod.Spec.NodeName != "" || pod.Annotations[computeType] == "ec2" {
			continue
		}
		profile := profileFor(pod, c.plane.Profiles)
		if profile == nil {
			continue
		}
		role := aws.ToString(profile.PodExecutionRoleArn)
		if err := errors.Join(c.letIn(ctx, role), c.admits(ctx, s, role)); err != nil {
			return err
		}
		node := s.fargateNode(c, pod)
		if err := client.IgnoreAlreadyExists(c.client.Create(ctx, node)); err != nil {
			return err
		}
		if pod.Labels == nil {
			pod.Labels = map[string]string{}
		}
		pod.Labels[profileLabel] = aws.ToString(profile.FargateProfileName)
		used[node.Name] = true
		if run(pod, node.Name); c.client.Update(ctx, pod) != nil {
			continue // it is tried again at the next look
		}
	}
	for i := range nodes.Items {
		if n := &nodes.Items[i]; isFargate(n) && !used[n.Name] {
			_ = c.client.Delete(ctx, n) // it is tried again at the next look
		}
	}
	return nil
}

func profileFor(pod *corev1.Pod, profiles []*ekstypes.FargateProfile) *ekstypes.FargateProfile {
	for _, p := range profiles {
		for _, selector := range p.Selectors {
			if aws.ToString(selector.Namespace) == pod.Namespace && labels.SelectorFromSet(selector.Labels).Matches(labels.Set(pod.Labels)) {
				return p
			}
		}
	}
	return nil
}

// fargateNode is the virtual machine that a pod has for itself.
func (s *Instances) fargateNode(c *eksCluster, pod *corev1.Pod) *corev1.Node {
	hash := fnv.New32()
	_, _ = hash.Write([]byte(pod.Namespace + "/" + pod.Name + "/" + string(pod.UID))) // a hash takes all
	sum, region := hash.Sum32(), s.cloud.config.Region
	name := fmt.Sprintf("fargate-ip-10-%d-%d-%d.%s.compute.internal", sum>>16&0xff, sum>>8&0xff, sum&0xff, region)
	h := host{instance: fmt.Sprintf("%08x-fargate/%s", sum, name), name: name, zone: region + "a", version: "v" + c.plane.Version + eksSuffix,
		labels: map[string]string{computeType: "fargate"}, addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: strings.ReplaceAll(strings.Split(name, ".")[0], "fargate-ip-", "")}}}
	node := h.node()
	node.Spec.Taints = []corev1.Taint{{Key: computeType, Value: "fargate", Effect: corev1.TaintEffectNoSchedule}}
	return node
}
