package iamconfig

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Suffix ends the names of all that is made, by default.
const Suffix = ".cluster-api-provider-aws.sigs.k8s.io"

const bootstrapper = "bootstrapper" + Suffix

// Default is the configuration of a file that says nothing.
func Default() *Configuration {
	c := &Configuration{}
	c.complete()
	return c
}

// Read reads a file, standard input for "-", and nothing for "".
func Read(path string, stdin io.Reader) (*Configuration, error) {
	if path == "" {
		return Default(), nil
	}
	var text []byte
	var err error
	if path == "-" {
		text, err = io.ReadAll(stdin)
	} else {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("--config: %w; clusterawsadm bootstrap iam print-config prints one to begin with", err)
	}
	c, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--config %s: %w", path, err)
	}
	return c, nil
}

// Parse reads a configuration of v1beta1 or v1alpha1, strictly, and completes it.
func Parse(text []byte) (*Configuration, error) {
	c := &Configuration{}
	var head Configuration
	if err := yaml.Unmarshal(text, &struct {
		APIVersion *string `json:"apiVersion"`
		Kind       *string `json:"kind"`
	}{&head.APIVersion, &head.Kind}); err != nil {
		return nil, err
	}
	if head.Kind != Kind {
		return nil, fmt.Errorf("kind is %q; write kind: %s", head.Kind, Kind)
	}
	switch head.APIVersion {
	case APIVersion:
		if err := strictly(text, c); err != nil {
			return nil, err
		}
	case Group + "/v1alpha1":
		if err := readOld(text, c); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("apiVersion is %q; write apiVersion: %s", head.APIVersion, APIVersion)
	}
	c.complete()
	return c, c.Spec.validate()
}

// readOld reads v1alpha1, which differs in that EKS is asked for, not declined.
func readOld(text []byte, c *Configuration) error {
	var whole map[string]any
	if err := yaml.Unmarshal(text, &whole); err != nil {
		return err
	}
	spec, _ := whole["spec"].(map[string]any)
	if eks, ok := spec["eks"].(map[string]any); ok {
		if _, mixed := eks["disable"]; mixed {
			return errors.New("spec.eks.disable is of v1beta1; in v1alpha1 write spec.eks.enable")
		}
		enabled, _ := eks["enable"].(bool)
		delete(eks, "enable")
		eks["disable"] = !enabled
	}
	converted, err := yaml.Marshal(whole)
	if err != nil {
		return err
	}
	return strictly(converted, c)
}

// strictly reads YAML whose every field must be known, and names those that aren't.
func strictly(text []byte, into any) error {
	plain, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	unknown, err := json.UnmarshalStrict(plain, into)
	return errors.Join(append(unknown, err)...)
}

// complete fills in the defaults.
func (c *Configuration) complete() {
	c.APIVersion, c.Kind = APIVersion, Kind
	s := &c.Spec
	if s.NameSuffix == nil {
		suffix := Suffix
		s.NameSuffix = &suffix
	}
	if s.EKS == nil {
		s.EKS = &EKS{}
	} else if !s.EKS.Disable {
		s.Nodes.EC2ContainerRegistryReadOnly = true // as CAPA does where EKS is spoken of
	}
	if s.EKS.ManagedMachinePool == nil {
		s.EKS.ManagedMachinePool = &Role{Disable: true}
	}
	if s.EKS.Fargate == nil {
		s.EKS.Fargate = &Role{Disable: true}
	}
	if s.EventBridge == nil {
		s.EventBridge = &EventBridge{}
	}
	if len(s.SecureSecretsBackends) == 0 {
		s.SecureSecretsBackends = []string{SecretsManager}
	}
	for _, x := range []struct {
		field     *string
		otherwise string
	}{
		{&s.StackName, "cluster-api-provider-aws-sigs-k8s-io"}, {&s.Partition, "aws"}, {&s.EKS.KMSAliasPrefix, "cluster-api-provider-aws-*"},
		{&s.S3Buckets.NamePrefix, "cluster-api-provider-aws-"}, {&s.BootstrapUser.UserName, bootstrapper}, {&s.BootstrapUser.GroupName, bootstrapper},
	} {
		if *x.field == "" {
			*x.field = x.otherwise
		}
	}
}

var (
	names  = regexp.MustCompile(`^[\w+=,.@-]*$`)
	stacks = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)
	paths  = regexp.MustCompile(`^(/|/[\x21-\x7E]+/)$`)
	arns   = regexp.MustCompile(`^arn:[^:]+:iam::[^:]*:policy/.+$`)
)

// validate says what AWS would refuse, before anything is begun.
func (s *Spec) validate() error {
	var all field.ErrorList
	spec := field.NewPath("spec")
	wrong := func(at *field.Path, value any, what string) { all = append(all, field.Invalid(at, value, what)) }
	// "controllers-eks" is the longest name that is put between them, and roles' names have 64 characters.
	for at, name := range map[string]string{"namePrefix": s.NamePrefix, "nameSuffix": *s.NameSuffix} {
		if !names.MatchString(name) {
			wrong(spec.Child(at), name, "IAM's names have letters, digits and +=,.@_- only")
		}
	}
	if n := len(s.Name("control-plane")); n > 64 {
		wrong(spec.Child("nameSuffix"), *s.NameSuffix, fmt.Sprintf("the role %s would have %d characters; IAM takes 64", s.Name("control-plane"), n))
	}
	if !stacks.MatchString(s.StackName) {
		wrong(spec.Child("stackName"), s.StackName, "write a letter, and then letters, digits and - , at most 128 characters")
	}
	if !slices.Contains([]string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b"}, s.Partition) {
		wrong(spec.Child("partition"), s.Partition, "write aws, aws-cn or aws-us-gov")
	}
	for i, backend := range s.SecureSecretsBackends {
		if backend != SecretsManager && backend != ParameterStore {
			wrong(spec.Child("secureSecretBackends").Index(i), backend, "write "+SecretsManager+" or "+ParameterStore)
		}
	}
	for at, role := range s.Roles() {
		if role.Path != "" && !paths.MatchString(role.Path) {
			wrong(spec.Child(at, "path"), role.Path, "begin and end it with /")
		}
		if role.PermissionsBoundary != "" && !arns.MatchString(role.PermissionsBoundary) {
			wrong(spec.Child(at, "permissionsBoundary"), role.PermissionsBoundary, "write a policy's ARN, such as arn:aws:iam::111122223333:policy/boundary")
		}
		for i, arn := range role.ExtraPolicyAttachments {
			if !arns.MatchString(arn) {
				wrong(spec.Child(at, "extraPolicyAttachments").Index(i), arn, "write a policy's ARN, such as arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
			}
		}
	}
	if pattern := s.EKS.AllowedRolePolicies.Wrong(); pattern != "" {
		wrong(spec.Child("eks", "allowedRolePolicies"), pattern, "write a policy's ARN or a pattern of some, such as arn:aws:iam::111122223333:policy/nodes-*")
	}
	return all.ToAggregate()
}

// Roles are all roles by their place in the spec.
func (s *Spec) Roles() map[string]*Role {
	return map[string]*Role{"controlPlane": &s.ControlPlane.Role, "clusterAPIControllers": &s.ClusterAPIControllers.Role, "nodes": &s.Nodes.Role,
		"eks.defaultControlPlaneRole": &s.EKS.DefaultControlPlaneRole, "eks.managedMachinePool": s.EKS.ManagedMachinePool, "eks.fargate": s.EKS.Fargate}
}
