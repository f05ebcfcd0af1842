package awscluster

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
)

// Dismiss tells what is left of Services, where the VPC isn't known to be shared with the
// cluster.
func (w *worker) Dismiss(context.Context) (gone bool, err error) {
	v := w.view()
	if left := v.servicesLeft(); len(left) > 0 {
		w.pass.Event(corev1.EventTypeWarning, "ServicesLeft", fmt.Sprintf("%s in VPC %s are left: they carry %s%s = %s, which any cluster of that name may have written; "+
			"delete them, if they were this cluster's. A VPC with the tag %s%s = %s has them cleaned up", strings.Join(left, ", "), v.network.VPCID(),
			names.TagCloudProviderPrefix, v.Name, names.Owned, names.TagOwnedPrefix, v.Name, names.Shared))
	}
	return true, nil
}

// servicesLeft names some of what a cloud controller manager made for a cluster of the
// name in a VPC that may not be shared with this one.
func (v *view) servicesLeft() []string {
	if v.network.VPCID() == "" || v.network.ServicesOf() {
		return nil
	}
	var left []string
	add := func(what string, name *string) {
		const shown = 10
		if len(left) < shown {
			left = append(left, what+" "+aws.ToString(name))
		}
	}
	id := v.network.VPCID()
	for _, l := range mirror.Select(v.snap, mirror.ClassicLoadBalancers, func(l *mirror.ClassicLoadBalancer) bool {
		return aws.ToString(l.VPCId) == id && network.ForService(v.Name, l.TagSet)
	}) {
		add("load balancer", l.LoadBalancerName)
	}
	for _, l := range mirror.Select(v.snap, mirror.LoadBalancers, func(l *mirror.LoadBalancer) bool {
		return aws.ToString(l.VpcId) == id && network.ForService(v.Name, l.TagSet)
	}) {
		add("load balancer", l.LoadBalancerName)
	}
	for _, g := range mirror.Select(v.snap, mirror.SecurityGroups, func(g *ec2types.SecurityGroup) bool {
		return aws.ToString(g.VpcId) == id && network.ForService(v.Name, mirror.SecurityGroups.Tags(g))
	}) {
		add("security group", g.GroupId)
	}
	return left
}
