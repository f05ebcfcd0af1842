package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/slips"
)

// defaultKey is the key pair of machines of which nobody says otherwise.
const defaultKey = "default"

func paths(list []wish) []string {
	var all []string
	for _, w := range list {
		all = append(all, w.path)
	}
	return all
}

// judgeTypes: the region offers the instance types, and the zone does.
func judgeTypes(ctx context.Context, s *site, w *wishes) verdict {
	v := verdict{paths: paths(w.types)}
	known, err := s.InstanceTypes(ctx, s.session)
	if err != nil {
		v.err = err
		return v
	}
	for _, t := range w.types {
		if find(known, t.value) == nil {
			v.errs = append(v.errs, t.invalid("is not offered in %s: %s", s.region(), nearestTypes(t.value, known)))
			continue
		}
		offering, err := s.ZonesOffering(ctx, s.session, t.value)
		if err != nil {
			v.err = err
			return v
		}
		if err := judgeZones(ctx, s, w, t, offering, &v); err != nil {
			v.err = err
			return v
		}
	}
	return v
}

// judgeZones: the zones that the machine has to be in offer the type; of those that it
// may be in, at least one does.
func judgeZones(ctx context.Context, s *site, w *wishes, t wish, offering []string, v *verdict) error {
	refuse := func(zone, why string) {
		if zone != "" && !slices.Contains(offering, zone) {
			v.errs = append(v.errs, t.invalid("is not offered in %s, %s; it is in %s: choose one of these, or another instance type", zone, why, s.advised(offering)))
		}
	}
	for _, sub := range w.subnets {
		zone, _, err := s.subnetPlace(ctx, sub.value)
		if err != nil {
			return err
		}
		refuse(zone, fmt.Sprintf("the zone of %s %s", sub.path, sub.value))
	}
	for _, z := range w.zones {
		refuse(z.value, "which "+z.path+" asks for")
	}
	if len(w.subnets)+len(w.zones) > 0 {
		return nil
	}
	if s.zone != "" {
		refuse(s.zone, "the failure domain of its Machine")
		return nil
	}
	without := slices.DeleteFunc(s.clusterZones(), func(z string) bool { return slices.Contains(offering, z) })
	switch {
	case len(without) == 0:
	case len(without) == len(s.clusterZones()):
		v.errs = append(v.errs, t.invalid("is offered in none of the cluster's zones (%s), only in %s: choose another instance type, or add a subnet there",
			strings.Join(without, ", "), s.advised(offering)))
	default:
		v.warnings = append(v.warnings, fmt.Sprintf("%s: %s is not offered in %s: machines can only be launched in the cluster's other zones", t.path, t.value, strings.Join(without, ", ")))
	}
	return nil
}

// advised lists the zones that a machine may well be sent to: a local zone or one of
// a carrier is for those who ask for it.
func (s *site) advised(zones []string) string {
	var plain []string
	for _, z := range zones {
		if len(z) == len(s.region())+1 {
			plain = append(plain, z)
		}
	}
	if len(plain) == 0 {
		return "no zone of this account"
	}
	return strings.Join(plain, ", ")
}

func find(known []*ec2types.InstanceTypeInfo, name string) *ec2types.InstanceTypeInfo {
	for _, t := range known {
		if string(t.InstanceType) == name {
			return t
		}
	}
	return nil
}

// nearestTypes advises types whose names are a slip away, else those of the family.
func nearestTypes(written string, known []*ec2types.InstanceTypeInfo) string {
	type candidate struct {
		name string
		far  int
	}
	var near []candidate
	family, _, _ := strings.Cut(written, ".")
	for _, t := range known {
		name := string(t.InstanceType)
		far := slips.Distance(written, name)
		if far <= 2 || strings.HasPrefix(name, family+".") {
			near = append(near, candidate{name, far})
		}
	}
	if len(near) == 0 {
		return "see aws ec2 describe-instance-types for what is"
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.far - b.far })
	var names []string
	for _, c := range near[:min(len(near), maxSuggestions)] {
		names = append(names, c.name)
	}
	return "did you mean " + strings.Join(names, ", ") + "?"
}

// judgeImage: the image is there, and runs on the instance types.
func judgeImage(ctx context.Context, s *site, w *wishes) verdict {
	if w.image == "" {
		return verdict{}
	}
	at := wish{w.at.Child("ami", "id").String(), w.image}
	v := verdict{paths: []string{at.path}}
	image, err := s.Image(ctx, s.session, w.image)
	if err != nil {
		v.err = err
		return v
	}
	if image == nil {
		v.errs = append(v.errs, at.invalid("there is no such image in %s that this account may use, and ids differ from region to region: "+
			"write the id of one there, or leave ami.id out to have one looked up", s.region()))
		return v
	}
	if image.State != "" && image.State != ec2types.ImageStateAvailable {
		v.errs = append(v.errs, at.invalid("the image is %s: write the id of one that is available", image.State))
	}
	known, err := s.InstanceTypes(ctx, s.session)
	if err != nil {
		v.err = err
		return v
	}
	for _, t := range w.types {
		if row := find(known, t.value); row != nil && !runs(row, image.Architecture) {
			v.errs = append(v.errs, at.invalid("the image is for %s, and %s is %s: choose an image for %s%s",
				image.Architecture, t.value, architectures(row), architectures(row), otherTypes(t.value, image.Architecture, known)))
		}
	}
	return v
}

func runs(t *ec2types.InstanceTypeInfo, architecture ec2types.ArchitectureValues) bool {
	if t.ProcessorInfo == nil || architecture == "" {
		return true
	}
	return slices.ContainsFunc(t.ProcessorInfo.SupportedArchitectures, func(a ec2types.ArchitectureType) bool { return string(a) == string(architecture) })
}

func architectures(t *ec2types.InstanceTypeInfo) string {
	var names []string
	for _, a := range t.ProcessorInfo.SupportedArchitectures {
		names = append(names, string(a))
	}
	return strings.Join(names, " or ")
}

// otherTypes advises types of the same size and class that run the image.
func otherTypes(written string, architecture ec2types.ArchitectureValues, known []*ec2types.InstanceTypeInfo) string {
	_, size, _ := strings.Cut(written, ".")
	var names []string
	for _, t := range known {
		name := string(t.InstanceType)
		if name[0] == written[0] && strings.HasSuffix(name, "."+size) && runs(t, architecture) && len(names) < 3 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", or an instance type such as " + strings.Join(names, ", ")
}

// judgeKey: the key pair of the machine, or the one that it gets otherwise, is there.
func judgeKey(ctx context.Context, s *site, w *wishes) verdict {
	at, whose := wish{w.at.Child("sshKeyName").String(), defaultKey}, "which machines get that name none"
	switch {
	case w.key != nil:
		at.value, whose = *w.key, ""
	case s.infra.Spec.SSHKeyName != nil:
		at.value, whose = *s.infra.Spec.SSHKeyName, "which comes from the "+s.owner()+"'s spec.sshKeyName"
	}
	if at.value == "" {
		return verdict{}
	}
	v := verdict{paths: []string{at.path}}
	names, err := s.KeyPairs(ctx, s.session, at.value)
	if err != nil {
		v.err = err
		return v
	}
	if slices.Contains(names, at.value) {
		return v
	}
	if whose != "" {
		whose = " (" + whose + ")"
	}
	v.errs = append(v.errs, at.invalid(`there is no such key pair in %s%s: create it, write "" to have none%s`, s.region(), whose, oneOf(names, at.value)))
	return v
}

// oneOf advises the nearest of names.
func oneOf(names []string, written string) string {
	if len(names) == 0 {
		return ""
	}
	near := slices.Clone(names)
	slices.SortStableFunc(near, func(a, b string) int { return slips.Distance(written, a) - slips.Distance(written, b) })
	return ", or one of: " + strings.Join(near[:min(len(near), maxSuggestions)], ", ")
}

// judgeProfile: the instance profile is there. An ARN in place of the name needs no look:
// the rules about the object alone say so.
func judgeProfile(ctx context.Context, s *site, w *wishes) verdict {
	if w.profile == "" || arn.IsARN(w.profile) {
		return verdict{}
	}
	at := wish{w.at.Child("iamInstanceProfile").String(), w.profile}
	v := verdict{paths: []string{at.path}}
	found, err := s.HasInstanceProfile(ctx, s.session, w.profile)
	switch {
	case err != nil:
		v.err = err
	case !found:
		v.errs = append(v.errs, at.invalid("account %s has no such instance profile: create it (clusterawsadm bootstrap iam create-cloudformation-stack makes the usual ones), "+
			"or write the name of one that aws iam list-instance-profiles shows", s.session.Scope.Account))
	}
	return v
}

// judgeSubnets: subnets given by id are there, and no other cluster's.
func judgeSubnets(ctx context.Context, s *site, w *wishes) verdict {
	v := verdict{paths: paths(w.subnets)}
	for _, sub := range w.subnets {
		if s.ownSubnet(sub.value) != nil {
			continue
		}
		row, err := s.Subnet(ctx, s.session, sub.value)
		if err != nil {
			v.err = err
			return v
		}
		if row == nil {
			v.errs = append(v.errs, sub.invalid("there is no such subnet in %s: leave it out to have one of the cluster's%s", s.region(), s.subnetsThere()))
		} else if err := s.withheld(ctx, sub.value, aws.ToString(row.VpcId), Lender.Subnet); err != nil {
			v.errs = append(v.errs, sub.invalid("%s", err))
		}
	}
	return v
}

// subnetsThere lists subnets of the cluster that exist.
func (s *site) subnetsThere() string {
	var names []string
	more := 0
	for _, sub := range s.infra.Spec.Network.Subnets {
		id := sub.ResourceID
		if id == "" && infrav1.IsSubnetID(sub.ID) {
			id = sub.ID
		}
		switch {
		case id == "":
		case len(names) == maxSuggestions:
			more++
		default:
			names = append(names, fmt.Sprintf("%s (%s)", id, sub.AvailabilityZone))
		}
	}
	if len(names) == 0 {
		return ""
	}
	if more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return ", or write one of: " + strings.Join(names, ", ")
}

// judgeGroups: security groups given by id are there, in the VPC of the machine, and no
// other cluster's.
func judgeGroups(ctx context.Context, s *site, w *wishes) verdict {
	v := verdict{paths: paths(w.groups)}
	if len(w.groups) == 0 {
		return verdict{}
	}
	vpc, whose := s.infra.Spec.Network.VPC.ID, "the cluster's"
	switch {
	case len(w.subnets) > 0:
		_, other, err := s.subnetPlace(ctx, w.subnets[0].value)
		if err != nil {
			v.err = err
			return v
		}
		vpc, whose = other, "that of subnet "+w.subnets[0].value
	case w.filtersVPC:
		vpc = "" // the filters decide
	}
	for _, g := range w.groups {
		row, err := s.SecurityGroup(ctx, s.session, g.value)
		switch {
		case err != nil:
			v.err = err
			return v
		case row == nil:
			v.errs = append(v.errs, g.invalid("there is no such security group in %s: create it, or write the id of one%s", s.region(), in(vpc)))
		case vpc != "" && aws.ToString(row.VpcId) != vpc:
			v.errs = append(v.errs, g.invalid("the security group is in VPC %s, and the machine will be in %s (%s): write the id of a group there", aws.ToString(row.VpcId), vpc, whose))
		default:
			if err := s.withheld(ctx, g.value, aws.ToString(row.VpcId), Lender.Group); err != nil {
				v.errs = append(v.errs, g.invalid("%s", err))
			}
		}
	}
	return v
}

func in(vpc string) string {
	if vpc == "" {
		return ""
	}
	return " in VPC " + vpc
}
