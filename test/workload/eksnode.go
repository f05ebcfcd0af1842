package workload

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/test/workload/userdata"
)

// nodes is the group that may register a node.
const nodes = "system:nodes"

// joinEKS does what the kubelet of an EKS node does: it reaches the API server that the data names, trusts it by the
// certificates there, and shows a token of the role of its instance profile.
func (s *Instances) joinEKS(ctx context.Context, m *machine, instance ec2types.Instance, h host, config *userdata.Config) error {
	c, err := s.planeFor(config.EKS)
	if err != nil {
		return err
	}
	role, err := s.cloud.roleOf(ctx, instance)
	if err != nil {
		return fmt.Errorf("the kubelet has no credentials: %w", err)
	}
	if err := c.admits(ctx, s, role); err != nil {
		return err
	}
	node := h.node()
	node.Spec.Taints = append(node.Spec.Taints, config.Taints()...)
	if err := client.IgnoreAlreadyExists(c.client.Create(ctx, node)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m.plane, m.node = c, node
	return nil
}

// admits tells whether a role may register a node.
func (c *eksCluster) admits(ctx context.Context, s *Instances, role string) error {
	s.mu.Lock()
	access, name := c.plane.Access, c.plane.Name
	s.mu.Unlock()
	if who, ok := c.gate.mapped(ctx, access, withoutPath(role)); !ok || !slices.Contains(who.groups, nodes) {
		return fmt.Errorf("unauthorized: EKS cluster %s lets %s in as no node", name, role)
	}
	return nil
}

// planeFor is the control plane that a node is told of. One that isn't told asks EKS for it by name.
func (s *Instances) planeFor(told *userdata.EKS) (*eksCluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.planes {
		asked := told.Endpoint == "" || len(told.Authority) == 0
		switch {
		case asked && c.plane.Name != told.Cluster, !asked && !strings.EqualFold(c.plane.Endpoint, told.Endpoint):
			continue
		case c.plane.Name != told.Cluster:
			return nil, fmt.Errorf("unauthorized: a token for %s is shown to EKS cluster %s", told.Cluster, c.plane.Name)
		case !asked && !sameCertificate(told.Authority, c.plane.Certificate):
			return nil, errors.New("x509: certificate signed by unknown authority")
		}
		return c, nil
	}
	return nil, fmt.Errorf("no EKS cluster %s answers at %s", told.Cluster, told.Endpoint)
}

func sameCertificate(a, b []byte) bool {
	first, _ := pem.Decode(a)
	second, _ := pem.Decode(b)
	return first != nil && second != nil && bytes.Equal(first.Bytes, second.Bytes)
}

// roleOf is the ARN of the role that an instance has credentials of.
func (c *cloud) roleOf(ctx context.Context, instance ec2types.Instance) (string, error) {
	if instance.IamInstanceProfile == nil {
		return "", errors.New("the instance has no instance profile")
	}
	arn := aws.ToString(instance.IamInstanceProfile.Arn)
	name := arn[strings.LastIndex(arn, "/")+1:]
	out, err := iam.NewFromConfig(c.config).GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &name})
	if err != nil {
		return "", err
	}
	if len(out.InstanceProfile.Roles) == 0 {
		return "", fmt.Errorf("instance profile %s has no role", name)
	}
	return aws.ToString(out.InstanceProfile.Roles[0].Arn), nil
}
