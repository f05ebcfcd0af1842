package cloudformation

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// kind is a type of resources ("AWS resource and property types reference"): name is the property whose change replaces one.
type kind struct {
	name       string
	properties []string
	create     func(x *stack, y *resource) error
	update     func(x *stack, y *resource, was map[string]any) error
	remove     func(x *stack, y *resource) error
}

var kinds map[string]kind

func init() { // their functions refer to stacks, which refer to kinds
	kinds = map[string]kind{
		"AWS::IAM::Role": {"RoleName", []string{"RoleName", "AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies", "Tags", "Path", "PermissionsBoundary", "Description", "MaxSessionDuration"},
			createRole, updateRole, deleteRole},
		"AWS::IAM::InstanceProfile": {"InstanceProfileName", []string{"InstanceProfileName", "Roles", "Path"}, createProfile, updateProfile, deleteProfile},
		"AWS::IAM::ManagedPolicy": {"ManagedPolicyName", []string{"ManagedPolicyName", "Description", "PolicyDocument", "Roles", "Groups", "Users", "Path"},
			createPolicy, updatePolicy, deletePolicy},
		"AWS::IAM::User":  {"UserName", []string{"UserName", "Groups", "ManagedPolicyArns", "Policies", "Tags", "Path"}, createUser, updateUser, deleteUser},
		"AWS::IAM::Group": {"GroupName", []string{"GroupName", "ManagedPolicyArns", "Path"}, createGroup, updateGroup, deleteGroup},
	}
}

// ask has IAM carry out an operation as who asked for the stack.
func (x *stack) ask(in any) error {
	_, err := x.region.Call(x.caller, "iam", in)
	return err
}

// asked carries out operations until one is refused.
func (x *stack) asked(ins ...any) error {
	for _, in := range ins {
		if err := x.ask(in); err != nil {
			return err
		}
	}
	return nil
}

func missing(err error) bool {
	refused := (*core.Error)(nil)
	return errors.As(err, &refused) && refused.Code == "NoSuchEntity"
}

// text is a property, nil if it isn't given.
func text(of map[string]any, name string) *string {
	if v, ok := of[name].(string); ok {
		return &v
	}
	return nil
}

// written is a property as JSON.
func written(v any) *string {
	text, _ := json.Marshal(v) // what came as JSON marshals
	return core.Ptr(string(text))
}

// named is the name of a resource: its own, or one that CloudFormation makes.
func (x *stack) named(y *resource) *string {
	if name := text(y.properties, kinds[y.kind].name); name != nil {
		return name
	}
	return core.Ptr(*x.StackName + "-" + y.logical + "-" + x.region.Hex(12))
}

func tags(of map[string]any) []types.Tag {
	var out []types.Tag
	list, _ := of["Tags"].([]any)
	for _, one := range list {
		if pair, ok := one.(map[string]any); ok {
			out = append(out, types.Tag{Key: text(pair, "Key"), Value: text(pair, "Value")})
		}
	}
	return out
}

// inline are a role's or user's own policies by their names.
func inline(of map[string]any) map[string]*string {
	out := map[string]*string{}
	list, _ := of["Policies"].([]any)
	for _, one := range list {
		if p, ok := one.(map[string]any); ok && text(p, "PolicyName") != nil {
			out[*text(p, "PolicyName")] = written(p["PolicyDocument"])
		}
	}
	return out
}

// moved are the entries that a list gains and loses.
func moved(was, now map[string]any, property string) (gained, lost []string) {
	before, after := listOf(was[property]), listOf(now[property])
	for _, one := range after {
		if !slices.Contains(before, one) {
			gained = append(gained, one)
		}
	}
	for _, one := range before {
		if !slices.Contains(after, one) {
			lost = append(lost, one)
		}
	}
	return gained, lost
}

// reconcile carries out the operations for what lists gain, and for what they lose; the latter first, and what is lost already is no error.
func (x *stack) reconcile(was, now map[string]any, property string, gain, lose func(string) any) error {
	gained, lost := moved(was, now, property)
	for _, one := range lost {
		if err := x.ask(lose(one)); err != nil && !missing(err) {
			return err
		}
	}
	for _, one := range gained {
		if err := x.ask(gain(one)); err != nil {
			return err
		}
	}
	return nil
}

func createRole(x *stack, y *resource) error {
	name := x.named(y)
	made, err := x.region.Call(x.caller, "iam", &iam.CreateRoleInput{RoleName: name, Path: text(y.properties, "Path"), Description: text(y.properties, "Description"),
		AssumeRolePolicyDocument: written(y.properties["AssumeRolePolicyDocument"]), PermissionsBoundary: text(y.properties, "PermissionsBoundary"), Tags: tags(y.properties)})
	if err != nil {
		return err
	}
	y.physical, y.arn = *name, *made.(*iam.CreateRoleOutput).Role.Arn
	return rolePolicies(x, y, nil)
}

func rolePolicies(x *stack, y *resource, was map[string]any) error {
	name := &y.physical
	err := x.reconcile(was, y.properties, "ManagedPolicyArns", func(arn string) any { return &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: &arn} },
		func(arn string) any { return &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: &arn} })
	if err != nil {
		return err
	}
	now := inline(y.properties)
	for policy := range inline(was) {
		if now[policy] == nil {
			if err := x.ask(&iam.DeleteRolePolicyInput{RoleName: name, PolicyName: &policy}); err != nil {
				return err
			}
		}
	}
	for policy, document := range now {
		if err := x.ask(&iam.PutRolePolicyInput{RoleName: name, PolicyName: &policy, PolicyDocument: document}); err != nil {
			return err
		}
	}
	return nil
}

func updateRole(x *stack, y *resource, was map[string]any) error {
	if err := x.asked(&iam.UpdateAssumeRolePolicyInput{RoleName: &y.physical, PolicyDocument: written(y.properties["AssumeRolePolicyDocument"])}); err != nil {
		return err
	}
	boundary := text(y.properties, "PermissionsBoundary")
	switch {
	case boundary != nil:
		if err := x.ask(&iam.PutRolePermissionsBoundaryInput{RoleName: &y.physical, PermissionsBoundary: boundary}); err != nil {
			return err
		}
	case was["PermissionsBoundary"] != nil:
		if err := x.ask(&iam.DeleteRolePermissionsBoundaryInput{RoleName: &y.physical}); err != nil {
			return err
		}
	}
	keys := []string{}
	for _, tag := range tags(was) {
		keys = append(keys, *tag.Key)
	}
	if len(keys) > 0 {
		if err := x.ask(&iam.UntagRoleInput{RoleName: &y.physical, TagKeys: keys}); err != nil {
			return err
		}
	}
	if given := tags(y.properties); len(given) > 0 {
		if err := x.ask(&iam.TagRoleInput{RoleName: &y.physical, Tags: given}); err != nil {
			return err
		}
	}
	return rolePolicies(x, y, was)
}

func deleteRole(x *stack, y *resource) error {
	without := &resource{physical: y.physical, properties: map[string]any{}}
	if err := rolePolicies(x, without, y.properties); err != nil {
		return err
	}
	return x.ask(&iam.DeleteRoleInput{RoleName: &y.physical})
}

func createProfile(x *stack, y *resource) error {
	name := x.named(y)
	made, err := x.region.Call(x.caller, "iam", &iam.CreateInstanceProfileInput{InstanceProfileName: name, Path: text(y.properties, "Path")})
	if err != nil {
		return err
	}
	y.physical, y.arn = *name, *made.(*iam.CreateInstanceProfileOutput).InstanceProfile.Arn
	return updateProfile(x, y, nil)
}

func updateProfile(x *stack, y *resource, was map[string]any) error {
	return x.reconcile(was, y.properties, "Roles", func(role string) any {
		return &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &y.physical, RoleName: &role}
	},
		func(role string) any {
			return &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: &y.physical, RoleName: &role}
		})
}

func deleteProfile(x *stack, y *resource) error {
	without := &resource{physical: y.physical, properties: map[string]any{}}
	if err := updateProfile(x, without, y.properties); err != nil {
		return err
	}
	return x.ask(&iam.DeleteInstanceProfileInput{InstanceProfileName: &y.physical})
}

// createPolicy makes a managed policy, whose physical id is its ARN.
func createPolicy(x *stack, y *resource) error {
	made, err := x.region.Call(x.caller, "iam", &iam.CreatePolicyInput{PolicyName: x.named(y), Path: text(y.properties, "Path"), Description: text(y.properties, "Description"),
		PolicyDocument: written(y.properties["PolicyDocument"])})
	if err != nil {
		return err
	}
	y.arn = *made.(*iam.CreatePolicyOutput).Policy.Arn
	y.physical = y.arn
	return attachments(x, y, nil)
}

func attachments(x *stack, y *resource, was map[string]any) error {
	arn := &y.arn
	err := x.reconcile(was, y.properties, "Roles", func(role string) any { return &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: arn} },
		func(role string) any { return &iam.DetachRolePolicyInput{RoleName: &role, PolicyArn: arn} })
	if err == nil {
		err = x.reconcile(was, y.properties, "Groups", func(group string) any { return &iam.AttachGroupPolicyInput{GroupName: &group, PolicyArn: arn} },
			func(group string) any { return &iam.DetachGroupPolicyInput{GroupName: &group, PolicyArn: arn} })
	}
	if err == nil {
		err = x.reconcile(was, y.properties, "Users", func(user string) any { return &iam.AttachUserPolicyInput{UserName: &user, PolicyArn: arn} },
			func(user string) any { return &iam.DetachUserPolicyInput{UserName: &user, PolicyArn: arn} })
	}
	return err
}

// updatePolicy makes a version that counts, and drops the others.
func updatePolicy(x *stack, y *resource, was map[string]any) error {
	if *written(was["PolicyDocument"]) != *written(y.properties["PolicyDocument"]) {
		if err := x.ask(&iam.CreatePolicyVersionInput{PolicyArn: &y.arn, PolicyDocument: written(y.properties["PolicyDocument"]), SetAsDefault: true}); err != nil {
			return err
		}
		if err := oldVersions(x, y); err != nil {
			return err
		}
	}
	return attachments(x, y, was)
}

func oldVersions(x *stack, y *resource) error {
	list, err := x.region.Call(x.caller, "iam", &iam.ListPolicyVersionsInput{PolicyArn: &y.arn})
	if err != nil {
		return err
	}
	for _, v := range list.(*iam.ListPolicyVersionsOutput).Versions {
		if v.IsDefaultVersion {
			continue
		}
		if err := x.ask(&iam.DeletePolicyVersionInput{PolicyArn: &y.arn, VersionId: v.VersionId}); err != nil {
			return err
		}
	}
	return nil
}

func deletePolicy(x *stack, y *resource) error {
	without := &resource{physical: y.physical, arn: y.arn, properties: map[string]any{}}
	if err := attachments(x, without, y.properties); err != nil {
		return err
	}
	if err := oldVersions(x, y); err != nil {
		return err
	}
	return x.ask(&iam.DeletePolicyInput{PolicyArn: &y.arn})
}

func createUser(x *stack, y *resource) error {
	name := x.named(y)
	made, err := x.region.Call(x.caller, "iam", &iam.CreateUserInput{UserName: name, Path: text(y.properties, "Path"), Tags: tags(y.properties)})
	if err != nil {
		return err
	}
	y.physical, y.arn = *name, *made.(*iam.CreateUserOutput).User.Arn
	return updateUser(x, y, nil)
}

func updateUser(x *stack, y *resource, was map[string]any) error {
	name := &y.physical
	err := x.reconcile(was, y.properties, "Groups", func(group string) any { return &iam.AddUserToGroupInput{UserName: name, GroupName: &group} },
		func(group string) any { return &iam.RemoveUserFromGroupInput{UserName: name, GroupName: &group} })
	if err == nil {
		err = x.reconcile(was, y.properties, "ManagedPolicyArns", func(arn string) any { return &iam.AttachUserPolicyInput{UserName: name, PolicyArn: &arn} },
			func(arn string) any { return &iam.DetachUserPolicyInput{UserName: name, PolicyArn: &arn} })
	}
	now := inline(y.properties)
	for policy := range inline(was) {
		if err == nil && now[policy] == nil {
			err = x.ask(&iam.DeleteUserPolicyInput{UserName: name, PolicyName: &policy})
		}
	}
	for policy, document := range now {
		if err == nil {
			err = x.ask(&iam.PutUserPolicyInput{UserName: name, PolicyName: &policy, PolicyDocument: document})
		}
	}
	return err
}

func deleteUser(x *stack, y *resource) error {
	without := &resource{physical: y.physical, properties: map[string]any{}}
	if err := updateUser(x, without, y.properties); err != nil {
		return err
	}
	return x.ask(&iam.DeleteUserInput{UserName: &y.physical})
}

func createGroup(x *stack, y *resource) error {
	name := x.named(y)
	made, err := x.region.Call(x.caller, "iam", &iam.CreateGroupInput{GroupName: name, Path: text(y.properties, "Path")})
	if err != nil {
		return err
	}
	y.physical, y.arn = *name, *made.(*iam.CreateGroupOutput).Group.Arn
	return updateGroup(x, y, nil)
}

func updateGroup(x *stack, y *resource, was map[string]any) error {
	return x.reconcile(was, y.properties, "ManagedPolicyArns", func(arn string) any { return &iam.AttachGroupPolicyInput{GroupName: &y.physical, PolicyArn: &arn} },
		func(arn string) any { return &iam.DetachGroupPolicyInput{GroupName: &y.physical, PolicyArn: &arn} })
}

func deleteGroup(x *stack, y *resource) error {
	without := &resource{physical: y.physical, properties: map[string]any{}}
	if err := updateGroup(x, without, y.properties); err != nil {
		return err
	}
	return x.ask(&iam.DeleteGroupInput{GroupName: &y.physical})
}
