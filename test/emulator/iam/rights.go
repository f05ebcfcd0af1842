package iam

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/policy"
)

// authorize tells which right the caller's role lacks: what its policies don't allow, or its boundary doesn't.
func authorize(r *core.Request, service *core.Service, params map[string]string) (core.Right, bool) {
	home := r.InAccount(r.Caller.Account)
	x := of(home).roles.Get(key(lastPart(r.Caller.Role)))
	for _, right := range rightsOf(r, service, params) {
		ask := policy.Ask{Action: right.Action, Resource: right.Resource, Context: right.Context}
		if x == nil || !x.may(of(home), ask) {
			return right, true
		}
	}
	return core.Right{}, false
}

func (x *role) may(s *state, ask policy.Ask) bool {
	own := Role{now: moment{attached: x.attached, inline: x.inline}, state: s}.documents()
	if policy.Decide(own, ask) != policy.Allowed {
		return false
	}
	if x.PermissionsBoundary == nil {
		return true
	}
	text, ok := s.document(*x.PermissionsBoundary.PermissionsBoundaryArn)
	return ok && policy.Decide([]policy.Document{mustParse(text)}, ask) == policy.Allowed
}

// parameters of a request; their names are compared without regard to case, and the first that has a value counts.
type parameters map[string]string

func (p parameters) get(names ...string) string {
	for _, name := range names {
		for given, value := range p {
			if strings.EqualFold(given, name) && value != "" {
				return value
			}
		}
	}
	return ""
}

// tagged says whether the request gives tags to what it makes.
func (p parameters) tagged() bool {
	for name, value := range p {
		name = strings.ToLower(name)
		if (name == "tags" || strings.HasPrefix(name, "tags.") || strings.HasPrefix(name, "tagspecification.")) && !slices.Contains([]string{"", "{}", "[]", "null"}, value) {
			return true
		}
	}
	return false
}

// free are the operations that need no right.
var free = []string{"GetCallerIdentity", "AssumeRoleWithWebIdentity"}

// rightsOf lists what a request needs ("Actions, resources, and condition keys for AWS services").
func rightsOf(r *core.Request, service *core.Service, params map[string]string) []core.Right {
	if slices.Contains(free, r.Operation) {
		return nil
	}
	p := parameters(params)
	action, resource := cmp.Or(actions[service.SigningName][r.Operation], r.Operation), "*"
	if find := resources[service.SigningName]; find != nil {
		resource = find(r, p)
	}
	out := []core.Right{{Action: service.SigningName + ":" + action, Resource: resource}}
	if policy := p.get("PolicyArn"); service.SigningName == "iam" && policy != resource {
		out[0].Context = map[string]string{"iam:PolicyARN": policy}
	}
	creates := strings.HasPrefix(action, "Create") || strings.HasPrefix(action, "Run") || strings.HasPrefix(action, "Put") || strings.HasPrefix(action, "Allocate") ||
		strings.HasPrefix(action, "Import") || strings.HasPrefix(action, "Associate")
	if tag := tagActions[service.SigningName]; tag != "" && creates && p.tagged() {
		out = append(out, core.Right{Action: service.SigningName + ":" + tag, Resource: resource})
	}
	if service.SigningName == "iam" && creates && p.tagged() {
		out = append(out, core.Right{Action: "iam:" + strings.Replace(action, "Create", "Tag", 1), Resource: resource})
	}
	return append(out, passes(r, service, p)...)
}

// tagActions are needed to make something with tags.
var tagActions = map[string]string{"autoscaling": "CreateOrUpdateTags", "ec2": "CreateTags", "eks": "TagResource", "elasticloadbalancing": "AddTags", "events": "TagResource",
	"secretsmanager": "TagResource", "sqs": "TagQueue", "ssm": "AddTagsToResource"}

// actions are those that aren't named as their operations, by service.
var actions = map[string]map[string]string{
	"s3": {
		"HeadBucket": "ListBucket", "HeadObject": "GetObject", "ListObjectsV2": "ListBucket", "ListBuckets": "ListAllMyBuckets", "DeleteObjects": "DeleteObject",
		"PutBucketEncryption": "PutEncryptionConfiguration", "GetBucketEncryption": "GetEncryptionConfiguration", "DeleteBucketTagging": "PutBucketTagging",
		"PutBucketLifecycleConfiguration": "PutLifecycleConfiguration", "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
		"PutPublicAccessBlock": "PutBucketPublicAccessBlock", "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
	},
	"sqs": {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage", "ChangeMessageVisibilityBatch": "ChangeMessageVisibility"},
}

// resources are the ARNs that rights of a service are about; "*" where an action has none, or the request names it by an id.
var resources = map[string]func(*core.Request, parameters) string{
	"autoscaling": func(r *core.Request, p parameters) string {
		if name := p.get("AutoScalingGroupName", "Tags.member.1.ResourceId"); name != "" && !strings.HasPrefix(r.Operation, "Describe") {
			return r.ARN("autoscaling", "autoScalingGroup:*:autoScalingGroupName/"+name)
		}
		if r.Operation == "TerminateInstanceInAutoScalingGroup" { // about the group of an instance, which is named alone
			return r.ARN("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*")
		}
		return "*"
	},
	"eks":    eksResource,
	"events": oneNamed("events", "rule/", "Name", "Rule"),
	"iam":    iamResource,
	"s3": func(r *core.Request, p parameters) string {
		if p.get("Bucket") == "" {
			return "*"
		}
		return "arn:" + core.Partition(r.Name) + ":s3:::" + strings.TrimSuffix(p.get("Bucket")+"/"+p.get("Key"), "/")
	},
	"secretsmanager": func(r *core.Request, p parameters) string {
		name := p.get("SecretId", "Name")
		if name == "" || strings.HasPrefix(name, "arn:") {
			return cmp.Or(name, "*")
		}
		return r.ARN("secretsmanager", "secret:"+name+"-??????")
	},
	"sqs": func(r *core.Request, p parameters) string {
		if name := lastPart(p.get("QueueName", "QueueUrl")); name != "" {
			return r.ARN("sqs", name)
		}
		return "*"
	},
	"ssm": func(r *core.Request, p parameters) string {
		name := strings.TrimPrefix(cmp.Or(p.get("Name", "ResourceId"), strings.Trim(p.get("Names"), `[]"`)), "/")
		switch {
		case name == "":
			return "*"
		case strings.HasPrefix(name, "aws/"):
			return "arn:" + core.Partition(r.Name) + ":ssm:" + r.Name + "::parameter/" + name
		}
		return r.ARN("ssm", "parameter/"+name)
	},
	"sts": func(_ *core.Request, p parameters) string { return cmp.Or(p.get("RoleArn"), "*") },
}

func oneNamed(service, prefix string, names ...string) func(*core.Request, parameters) string {
	return func(r *core.Request, p parameters) string {
		if name := p.get(names...); name != "" {
			return r.ARN(service, prefix+name)
		}
		return "*"
	}
}

// eksResource is the cluster for what makes or lists something, and the thing itself for what reads or changes it.
func eksResource(r *core.Request, p parameters) string {
	if arn := p.get("resourceArn"); arn != "" {
		return arn
	}
	cluster := p.get("clusterName")
	if cluster == "" {
		if cluster = p.get("name"); cluster == "" {
			return "*"
		}
		return r.ARN("eks", "cluster/"+cluster)
	}
	if !strings.HasPrefix(r.Operation, "Create") && !strings.HasPrefix(r.Operation, "List") {
		for _, x := range []struct{ parameter, kind string }{{"addonName", "addon"}, {"nodegroupName", "nodegroup"}, {"fargateProfileName", "fargateprofile"}, {"associationId", "podidentityassociation"}} {
			if name := p.get(x.parameter); name != "" {
				return r.ARN("eks", x.kind+"/"+cluster+"/"+name+"/*")
			}
		}
		if principal := p.get("principalArn"); principal != "" {
			return r.ARN("eks", "access-entry/"+cluster+"/*/"+r.Account+"/"+lastPart(principal)+"/*")
		}
		if strings.HasSuffix(r.Operation, "IdentityProviderConfig") && !strings.HasPrefix(r.Operation, "Associate") {
			return r.ARN("eks", "identityproviderconfig/"+cluster+"/oidc/*/*")
		}
	}
	return r.ARN("eks", "cluster/"+cluster)
}

// iamResource is the role, profile, policy or provider that an operation is about.
func iamResource(r *core.Request, p parameters) string {
	s := of(r.Region)
	switch {
	case p.get("OpenIDConnectProviderArn") != "":
		return p.get("OpenIDConnectProviderArn")
	case p.get("Url") != "":
		return *arn(r.Region, "oidc-provider", "/", strings.TrimPrefix(p.get("Url"), "https://"))
	case p.get("InstanceProfileName") != "":
		return *arn(r.Region, "instance-profile", cmp.Or(p.get("Path"), "/"), p.get("InstanceProfileName"))
	case p.get("RoleName") != "":
		if x := s.roles.Get(key(p.get("RoleName"))); x != nil {
			return *x.Arn
		}
		return *arn(r.Region, "role", cmp.Or(p.get("Path"), "/"), p.get("RoleName"))
	case p.get("PolicyArn") != "":
		return p.get("PolicyArn")
	case p.get("PolicyName") != "":
		return *arn(r.Region, "policy", cmp.Or(p.get("Path"), "/"), p.get("PolicyName"))
	}
	return "*"
}

// roleOfPods finds the roles in an add-on's pod identities, which are JSON.
var roleOfPods = regexp.MustCompile(`"roleArn":\s*"([^"]+)"`)

// passes are the roles that a request hands to a service.
func passes(r *core.Request, service *core.Service, p parameters) []core.Right {
	right := func(role, to string) []core.Right {
		return []core.Right{{Action: "iam:PassRole", Resource: role, Context: map[string]string{"iam:PassedToService": to}}}
	}
	switch service.SigningName + ":" + r.Operation {
	case "eks:CreateAddon", "eks:UpdateAddon":
		var passed []core.Right
		if role := p.get("serviceAccountRoleArn"); role != "" {
			passed = right(role, "eks.amazonaws.com")
		}
		for _, found := range roleOfPods.FindAllStringSubmatch(p.get("podIdentityAssociations"), -1) {
			passed = append(passed, right(found[1], "pods.eks.amazonaws.com")...)
		}
		return passed
	case "eks:CreateCluster", "eks:CreateNodegroup", "eks:CreateFargateProfile":
		if role := p.get("roleArn", "nodeRole", "podExecutionRoleArn"); role != "" {
			return right(role, "eks.amazonaws.com")
		}
	case "eks:CreatePodIdentityAssociation", "eks:UpdatePodIdentityAssociation":
		if role := p.get("roleArn"); role != "" {
			return right(role, "pods.eks.amazonaws.com")
		}
	case "ec2:RunInstances":
		name := lastPart(p.get("IamInstanceProfile.Name", "IamInstanceProfile.Arn"))
		if profile := of(r.Region).profiles.Get(key(name)); profile != nil && profile.role != "" {
			return right(*of(r.Region).roles.Get(profile.role).Arn, "ec2.amazonaws.com")
		}
	}
	return nil
}
