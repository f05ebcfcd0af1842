package enginetest

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/iamconfig"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/policy"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// ControllersKey is the access key that processes use, and controllers the role whose session it is.
const (
	ControllersKey = "AKIACONTROLLERS"
	controllers    = "controllers" + iamconfig.Suffix
)

// Stack are the policies that clusterawsadm's stack gives the controllers, with all its options.
func Stack() []policy.Document { return stack(func(*iamconfig.Spec) {}) }

// Controllers are the same for buckets and instance profiles of any name: whatever a reconciler does in a test, it does with these rights.
func Controllers() []policy.Document {
	return stack(func(spec *iamconfig.Spec) {
		spec.S3Buckets.NamePrefix, spec.ClusterAPIControllers.AllowedEC2InstanceProfiles = "", []string{"*"}
	})
}

func stack(change func(*iamconfig.Spec)) []policy.Document {
	spec := &iamconfig.Default().Spec
	spec.SecureSecretsBackends = []string{iamconfig.SecretsManager, iamconfig.ParameterStore}
	spec.EKS.AllowIAMRoleCreation, spec.S3Buckets.Enable, spec.EventBridge.Enable, spec.AllowAssumeRole = true, true, true, true
	change(spec)
	all := policy.Policies(spec)
	return []policy.Document{all[policy.Controllers], all[policy.ControllersEKS]}
}

// Admit has the emulator check rights, and an access key be a session of the controllers' role.
func Admit(e *emulator.Emulator, key string) {
	e.Configure(func(c *emulator.Config) {
		c.Permissions = true
		if c.RoleKeys == nil {
			c.RoleKeys = map[string]string{}
		}
		c.RoleKeys[key] = controllers
	})
}

// Restrict has the emulator check rights: the processes' key has those of the documents, and others all.
func Restrict(e *emulator.Emulator, url string, documents []policy.Document) error {
	Admit(e, ControllersKey)
	client := iam.NewFromConfig(aws.Config{Region: Region, BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")})
	err := Grant(client, controllers, documents)
	e.ResetCounts()
	e.ClearLog()
	return err
}

// Grant gives a role the rights of the documents.
func Grant(client *iam.Client, role string, documents []policy.Document) error {
	whole := policy.Document{Version: policy.Version}
	for _, d := range documents {
		whole.Statement = append(whole.Statement, d.Statement...)
	}
	text, err := json.Marshal(whole)
	if err != nil {
		return err
	}
	_, err = client.PutRolePolicy(context.Background(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("stack"), PolicyDocument: aws.String(string(text))})
	return err
}
