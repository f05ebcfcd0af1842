package admission

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/facts"
)

// maxSkew is how many minor versions nodes may be older than their control plane.
const maxSkew = 3

var controlPlanePath = field.NewPath("spec")

// controlPlaneRules compare what a control plane asks for with what EKS and IAM have, and its
// version with its nodes'. They let pass what AWS can't be asked about.
type controlPlaneRules struct{ live *Live }

// change is a control plane that is written. old is nil for a new one.
type change struct {
	updated, old *controlplanev1.AWSManagedControlPlane
	to           controlplanev1.Minor
	// named tells that a version is asked for, and upgrade that it is another one than before.
	named, upgrade bool
}

func changeOf(r Request) *change {
	updated, _ := r.Object.(*controlplanev1.AWSManagedControlPlane)
	if updated == nil || !updated.DeletionTimestamp.IsZero() {
		return nil
	}
	c := &change{updated: updated}
	c.old, _ = r.Old.(*controlplanev1.AWSManagedControlPlane)
	if c.to, c.named = controlplanev1.MinorOf(updated.Spec.Version); c.old != nil {
		from, had := controlplanev1.MinorOf(c.old.Spec.Version)
		c.upgrade = c.named && (!had || from != c.to)
	}
	return c
}

// versionAsked tells that a version is asked for that wasn't before.
func (c *change) versionAsked() bool { return c.named && (c.old == nil || c.upgrade) }

func (rules controlPlaneRules) fits(ctx context.Context, r Request) ([]string, field.ErrorList) {
	c := changeOf(r)
	if c == nil || rules.live == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(cloud.WithPriority(ctx, cloud.Interactive), askTime)
	defer cancel()
	verdicts := []verdict{rules.nodesFollow(ctx, c)}
	checks := c.due()
	if len(checks) == 0 || c.updated.Spec.Region == "" {
		return sum(verdicts)
	}
	session, err := rules.live.Sessions.For(ctx, cloud.SiteOf(c.updated))
	if err != nil {
		warnings, errs := sum(verdicts)
		return append(warnings, fmt.Sprintf("%s was not compared with AWS: %s", controlPlanePath, cloud.Explain(err))), errs
	}
	s := &site{Facts: rules.live.Facts, live: rules.live, session: session}
	ctx = facts.WithNamespace(ctx, r.Namespace)
	answers := make([]verdict, len(checks))
	var group errgroup.Group
	for i, judge := range checks {
		group.Go(func() error { answers[i] = judge(ctx, s, c); return nil })
	}
	_ = group.Wait()
	return sum(append(verdicts, answers...))
}

// ownName warns of a name of the form that EKS clusters of another namespace get of their own accord: who is first in an account
// and region has it. It may well be meant, where a cluster was moved or taken over, and who writes it may not know what
// namespaces there are.
func ownName(_ context.Context, r Request) ([]string, field.ErrorList) {
	c, _ := r.Object.(*controlplanev1.AWSManagedControlPlane)
	old, _ := r.Old.(*controlplanev1.AWSManagedControlPlane)
	if c == nil || old != nil && old.Spec.EKSClusterName == c.Spec.EKSClusterName {
		return nil, nil
	}
	unnamed := *c
	unnamed.Spec.EKSClusterName = ""
	namespace, _, form := strings.Cut(c.Spec.EKSClusterName, "_")
	if !form || namespace == r.Namespace || c.Spec.EKSClusterName == unnamed.ClusterName() {
		return nil, nil
	}
	return []string{fmt.Sprintf("%s: %s is a name such as EKS clusters of the namespace %s get (NAMESPACE_NAME): unless the cluster has it already, write one without _, or leave it out for %s",
		controlPlanePath.Child("eksClusterName"), c.Spec.EKSClusterName, namespace, unnamed.ClusterName())}, nil
}

// due are the comparisons with AWS that a change asks for.
func (c *change) due() []func(context.Context, *site, *change) verdict {
	var all []func(context.Context, *site, *change) verdict
	was := &controlplanev1.AWSManagedControlPlaneSpec{}
	if c.old != nil {
		was = &c.old.Spec
	} else if len(c.updated.Spec.Network.Subnets) > 0 {
		all = append(all, judgeTwoZones)
	}
	if c.old == nil || c.upgrade && c.old.Initialized() {
		all = append(all, judgeFreeAddresses)
	}
	if c.versionAsked() {
		all = append(all, judgeVersion)
	}
	if name := c.updated.Spec.RoleName; name != nil && aws.ToString(was.RoleName) != *name {
		all = append(all, judgeClusterRole)
	}
	if c.named && len(c.updated.Spec.Addons) > 0 && (c.versionAsked() || !equality.Semantic.DeepEqual(was.Addons, c.updated.Spec.Addons)) {
		all = append(all, judgeAddons)
	}
	if c.upgrade && c.old.Initialized() {
		all = append(all, judgeInsights)
	}
	return all
}

// refuse adds a refusal of an upgrade, which force turns into a warning.
func (v *verdict) refuse(c *change, err *field.Error) {
	if c.updated.Spec.Force {
		v.warnings = append(v.warnings, err.Error()+" (goes on, because of force: true)")
		return
	}
	err.Detail += "; write force: true to go on in spite of it"
	v.errs = append(v.errs, err)
}

// nodesFollow: an upgrade leaves no node more than three minor versions behind.
func (rules controlPlaneRules) nodesFollow(ctx context.Context, c *change) verdict {
	var v verdict
	name := c.updated.Labels[clusterv1.ClusterNameLabel]
	if !c.upgrade || name == "" {
		return v
	}
	late := map[string]controlplanev1.Minor{}
	look := func(what string, version *string) {
		if at, ok := controlplanev1.MinorOf(version); ok && at.Major == c.to.Major && at.Minor+maxSkew < c.to.Minor {
			late[what] = at
		}
	}
	of := []client.ListOption{client.InNamespace(c.updated.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: name}, client.UnsafeDisableDeepCopy}
	machines, pools := &clusterv1.MachineList{}, &clusterv1.MachinePoolList{}
	if rules.live.Host.List(ctx, machines, of...) != nil || rules.live.Host.List(ctx, pools, of...) != nil {
		return v // the host can't be asked: only an early word is lost
	}
	for i := range machines.Items {
		m := &machines.Items[i]
		version := m.Spec.Version
		if info := m.Status.NodeInfo; info != nil && info.KubeletVersion != "" {
			version = info.KubeletVersion
		}
		look("Machine "+m.Name, &version)
	}
	for i := range pools.Items {
		look("MachinePool "+pools.Items[i].Name, &pools.Items[i].Spec.Template.Spec.Version)
	}
	if len(late) == 0 {
		return v
	}
	var names []string
	for _, what := range slices.Sorted(maps.Keys(late)) {
		names = append(names, fmt.Sprintf("%s (%s)", what, late[what]))
	}
	if len(names) > maxSuggestions {
		names = append(names[:maxSuggestions], "...")
	}
	v.refuse(c, field.Invalid(controlPlanePath.Child("version"), *c.updated.Spec.Version, fmt.Sprintf(
		"nodes must not be more than %d minor versions behind, and these would be: %s: upgrade them first, or write v%d.%d at most", maxSkew, strings.Join(names, ", "),
		c.to.Major, oldest(late).Minor+maxSkew)))
	return v
}

func oldest(versions map[string]controlplanev1.Minor) controlplanev1.Minor {
	var first controlplanev1.Minor
	for _, version := range versions {
		if first == (controlplanev1.Minor{}) || version.Less(first) {
			first = version
		}
	}
	return first
}

// judgeVersion: EKS offers the version, and says how long it is supported.
func judgeVersion(ctx context.Context, s *site, c *change) verdict {
	at := controlPlanePath.Child("version")
	v := verdict{paths: []string{at.String()}}
	versions, err := s.KubernetesVersions(ctx, s.session)
	if err != nil {
		v.err = err
		return v
	}
	var names []string
	for _, known := range versions {
		if known.Name == c.to.String() {
			v.warnings = append(v.warnings, supportWarning(at, known)...)
			return v
		}
		names = append(names, "v"+known.Name)
	}
	v.errs = append(v.errs, field.Invalid(at, *c.updated.Spec.Version, fmt.Sprintf("EKS doesn't offer it in %s: write one of %s", s.region(), strings.Join(names, ", "))))
	return v
}

func supportWarning(at *field.Path, known facts.KubernetesVersion) []string {
	switch {
	case !known.Extended:
		return nil
	case known.EndOfExtended.IsZero():
		return []string{fmt.Sprintf("%s: standard support of v%s has ended, and AWS charges the price of extended support: write a later version", at, known.Name)}
	}
	return []string{fmt.Sprintf("%s: standard support of v%s ended on %s: AWS charges the price of extended support, $0.60 instead of $0.10 an hour, until %s, and upgrades the cluster then: write a later version",
		at, known.Name, known.EndOfStandard.Format("2006-01-02"), known.EndOfExtended.Format("2006-01-02"))}
}

// judgeClusterRole: a role that is named trusts EKS. One that isn't there may come later.
func judgeClusterRole(ctx context.Context, s *site, c *change) verdict {
	at, name := controlPlanePath.Child("roleName"), *c.updated.Spec.RoleName
	v := verdict{paths: []string{at.String()}}
	trust, found, err := s.RoleTrust(ctx, s.session, name)
	switch {
	case err != nil:
		v.err = err
	case !found:
		v.warnings = append(v.warnings, fmt.Sprintf("%s: there is no role %s that account %s shows: the cluster waits until there is, unless roles may be made", at, name, s.session.Scope.Account))
	case !trusts(trust, "eks.amazonaws.com"):
		v.errs = append(v.errs, field.Invalid(at, name, "the role's trust policy doesn't let EKS assume it: add the service eks.amazonaws.com to its principals with sts:AssumeRole, or name another role"))
	}
	return v
}

// trusts tells whether a trust policy, as IAM shows it, names a service. What can't be read
// is trusted: EKS says later what is wrong.
func trusts(document, service string) bool {
	text, err := url.QueryUnescape(document)
	if err != nil {
		return true
	}
	var policy struct {
		Statement []struct {
			Effect    string
			Principal json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return true
	}
	for _, statement := range policy.Statement {
		if statement.Effect == "Allow" && (strings.Contains(string(statement.Principal), `"`+service+`"`) || string(statement.Principal) == `"*"`) {
			return true
		}
	}
	return false
}

// judgeTwoZones: the subnets that are named by id lie in two zones at least.
func judgeTwoZones(ctx context.Context, s *site, c *change) verdict {
	at := controlPlanePath.Child("network", "subnets")
	v := verdict{paths: []string{at.String()}}
	zones := map[string]bool{}
	for i := range c.updated.Spec.Network.Subnets {
		subnet := &c.updated.Spec.Network.Subnets[i]
		zone := subnet.AvailabilityZone
		if infrav1.IsSubnetID(subnet.ID) {
			row, err := s.Subnet(ctx, s.session, subnet.ID)
			if err != nil {
				v.err = err
				return v
			}
			if row == nil {
				return v // which another rule says
			}
			zone = aws.ToString(row.AvailabilityZone)
		}
		zones[zone] = true
	}
	if len(zones) < 2 {
		v.errs = append(v.errs, field.Invalid(at, strings.Join(slices.Sorted(maps.Keys(zones)), ", "), "EKS needs subnets in two availability zones at least: list one in another zone too"))
	}
	return v
}

// What EKS needs in a subnet of a cluster: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
// and https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html
const (
	freeToCreate  = 6
	freeToUpgrade = 5
)

// judgeFreeAddresses warns of subnets that are there already and in which EKS finds too few
// addresses for the interfaces of a new control plane, or of one that is upgraded.
func judgeFreeAddresses(ctx context.Context, s *site, c *change) verdict {
	at := controlPlanePath.Child("network", "subnets")
	v, needed, what := verdict{paths: []string{at.String()}}, int32(freeToCreate), "make a control plane"
	if c.old != nil {
		needed, what = freeToUpgrade, "upgrade a control plane"
	}
	for i := range c.updated.Spec.Network.Subnets {
		subnet := &c.updated.Spec.Network.Subnets[i]
		id := cmp.Or(subnet.ResourceID, subnet.ID)
		if !infrav1.IsSubnetID(id) || subnet.IsEdge() {
			continue
		}
		row, err := s.Subnet(ctx, s.session, id)
		if err != nil {
			v.err = err
			return v
		}
		if row == nil || row.AvailableIpAddressCount == nil || *row.AvailableIpAddressCount >= needed {
			continue
		}
		v.warnings = append(v.warnings, fmt.Sprintf("%s: subnet %s has %d free addresses, and EKS needs up to %d to %s: free some, or name other subnets",
			at.Index(i), id, *row.AvailableIpAddressCount, needed, what))
	}
	return v
}

// addonRefused refuses an add-on that is asked for; one that was there before an upgrade may
// be forced.
func (v *verdict) addonRefused(c *change, addon *controlplanev1.Addon, err *field.Error) {
	before := c.upgrade && slices.ContainsFunc(c.old.Spec.Addons, func(a controlplanev1.Addon) bool { return equality.Semantic.DeepEqual(a, *addon) })
	if before {
		v.refuse(c, err)
		return
	}
	v.errs = append(v.errs, err)
}

func first(list []string, most int) []string { return list[:min(len(list), most)] }

// judgeInsights: EKS has seen nothing in the cluster that the version would break.
func judgeInsights(ctx context.Context, s *site, c *change) verdict {
	at := controlPlanePath.Child("version")
	v := verdict{paths: []string{at.String() + " (insights of EKS)"}}
	insights, err := s.UpgradeErrors(ctx, s.session, c.updated.ClusterName(), c.to.String())
	if err != nil {
		v.err = err
		return v
	}
	for _, insight := range insights {
		v.refuse(c, field.Invalid(at, *c.updated.Spec.Version, "EKS says that the cluster isn't ready for it: "+insight))
	}
	return v
}
