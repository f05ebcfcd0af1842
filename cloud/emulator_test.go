package cloud

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// emulated gives Sessions whose own identity is of account 111111111111.
func emulated(t *testing.T, change func(*emulator.Config), objects ...client.Object) (*Sessions, *emulator.Emulator) {
	t.Helper()
	config := emulator.DefaultConfig()
	config.AccessKeys = map[string]string{"AKIACONTROLLER": "111111111111", "AKIASTATIC": "222222222222"}
	change(&config)
	e := emulator.New(emulator.Options{Config: &config, Seed: 1})
	url, stop, err := e.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s, _, _ := sessionsOf(t, &standIn{}, objects...)
	s.options.LoadConfig = func(context.Context) (aws.Config, error) {
		return aws.Config{BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("AKIACONTROLLER", "secret", "")}, nil
	}
	return s, e
}

func TestChainOfRolesEndsInTheLastRolesAccount(t *testing.T) {
	first, last := role("first", "333333333333", refTo(infrav1.ClusterStaticIdentityKind, "st")),
		role("last", "444444444444", refTo(infrav1.ClusterRoleIdentityKind, "first"))
	last.Spec.ExternalID = "shared"
	s, e := emulated(t, func(c *emulator.Config) {
		c.Roles = map[string]emulator.Role{
			first.Spec.RoleArn: {TrustedAccounts: []string{"222222222222"}},
			last.Spec.RoleArn:  {TrustedAccounts: []string{"333333333333"}, ExternalID: "shared"},
		}
	}, static("st"), keys("st", "AKIASTATIC"), first, last)
	got := session(t, s, refTo(infrav1.ClusterRoleIdentityKind, "last"), "eu-west-1")
	if want := (Scope{"444444444444", "eu-west-1"}); got.Scope != want {
		t.Errorf("scope %v, want %v", got.Scope, want)
	}
	out, err := got.EC2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, r := range e.Resources("444444444444", "eu-west-1") {
		found = found || r.ID == aws.ToString(out.Vpc.VpcId)
	}
	if !found {
		t.Errorf("VPC %s is not in the last role's account and region", aws.ToString(out.Vpc.VpcId))
	}
}

func TestRoleThatTrustsSomebodyElseGivesNoCredentials(t *testing.T) {
	r := role("r", "333333333333", refTo(infrav1.ClusterStaticIdentityKind, "st"))
	s, _ := emulated(t, func(c *emulator.Config) {
		c.Roles = map[string]emulator.Role{r.Spec.RoleArn: {TrustedAccounts: []string{"999999999999"}}}
	}, static("st"), keys("st", "AKIASTATIC"), r)
	_, err := s.For(t.Context(), Site{Identity: refTo(infrav1.ClusterRoleIdentityKind, "r"), Namespace: "team-a", Region: "us-east-1"})
	failure, ok := AsIdentityError(err)
	if !ok || failure.Reason != PrincipalCredentialRetrievalFailedReason || !IsUnauthorized(err) {
		t.Errorf("error %v, want that the credentials were refused", err)
	}
}

func TestKeysThatAWSRefusesAreToldApart(t *testing.T) {
	for kind, class := range map[string]Class{"invalid": Unauthorized, "expired": ExpiredCredentials} {
		s, _ := emulated(t, func(c *emulator.Config) { c.BadKeys = map[string]string{"AKIASTATIC": kind} },
			static("st"), keys("st", "AKIASTATIC"))
		_, err := s.For(t.Context(), Site{Identity: refTo(infrav1.ClusterStaticIdentityKind, "st"), Namespace: "team-a", Region: "us-east-1"})
		if failure, ok := AsIdentityError(err); !ok || failure.Reason != PrincipalCredentialRetrievalFailedReason || !Is(err, class) {
			t.Errorf("%s keys: error %v, want class %s", kind, err, class)
		}
	}
}
