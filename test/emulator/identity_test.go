package emulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const otherRole = "arn:aws:iam::210987654321:role/path/controllers"

func (c *cloud) assume(in *sts.AssumeRoleInput) (aws.Config, error) {
	in.RoleSessionName = aws.String("session")
	if in.RoleArn == nil {
		in.RoleArn = aws.String(otherRole)
	}
	out, err := c.sts().AssumeRole(ctx, in)
	if err != nil {
		return aws.Config{}, err
	}
	config := c.config("", "us-east-1")
	config.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return config, nil
}

func TestAssumedRoleWorksInTheRolesAccount(t *testing.T) {
	c := newCloud(t)
	own := c.vpc("10.0.0.0/16")
	config := must[aws.Config](t)(c.assume(&sts.AssumeRoleInput{}))
	who := must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))
	if *who.Account != "210987654321" || *who.Arn != "arn:aws:sts::210987654321:assumed-role/controllers/session" {
		t.Errorf("caller %s of account %s", *who.Arn, *who.Account)
	}
	other := ec2.NewFromConfig(config)
	must[*ec2.CreateVpcOutput](t)(other.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")}))
	list := must[*ec2.DescribeVpcsOutput](t)(other.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}))
	if len(list.Vpcs) != 1 || *list.Vpcs[0].OwnerId != "210987654321" {
		t.Errorf("the role sees %+v, want its account's VPC only", list.Vpcs)
	}
	_, err := other.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{own}})
	wantCode(t, err, "InvalidVpcID.NotFound")
	if n := len(c.Resources("210987654321", "")); n != 1 {
		t.Errorf("%d resources in the role's account, want 1", n)
	}
}

func TestRegionsAreApart(t *testing.T) {
	c := newCloud(t)
	c.vpc("10.0.0.0/16")
	elsewhere := ec2.NewFromConfig(c.config("AKIATEST", "eu-west-1"))
	if list := must[*ec2.DescribeVpcsOutput](t)(elsewhere.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})); len(list.Vpcs) != 0 {
		t.Errorf("another region has %+v", list.Vpcs)
	}
}

func TestAccessKeysBelongToAccounts(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) { c.AccessKeys = map[string]string{"AKIAOTHER": "111122223333"} })
	for key, account := range map[string]string{"AKIAOTHER": "111122223333", "AKIAANY": emulator.DefaultAccount} {
		who := must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(c.config(key, "us-east-1")).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))
		if *who.Account != account {
			t.Errorf("%s belongs to %s, want %s", key, *who.Account, account)
		}
	}
}

func TestBadCredentialsAreRefusedInEachServicesWords(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) { c.BadKeys = map[string]string{"AKIAOLD": "expired", "AKIABAD": "invalid"} })
	for _, test := range []struct{ key, ec2Code, queryCode string }{
		{"AKIAOLD", "RequestExpired", "ExpiredToken"},
		{"AKIABAD", "AuthFailure", "InvalidClientTokenId"},
	} {
		config := c.config(test.key, "us-east-1")
		wantCode(t, second(ec2.NewFromConfig(config).DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})), test.ec2Code)
		wantCode(t, second(sts.NewFromConfig(config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})), test.queryCode)
	}
}

func TestSessionsExpire(t *testing.T) {
	c := newCloud(t)
	config := must[aws.Config](t)(c.assume(&sts.AssumeRoleInput{DurationSeconds: aws.Int32(900)}))
	ask := func() error {
		return second(sts.NewFromConfig(config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))
	}
	c.clock.Advance(15*time.Minute - time.Second)
	wantCode(t, ask(), "")
	c.clock.Advance(time.Second)
	wantCode(t, ask(), "ExpiredToken")
}

func TestRolesAreAssumedOnlyByThoseTheyTrust(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) {
		c.Roles = map[string]emulator.Role{
			otherRole:                             {ExternalID: "secret"},
			"arn:aws:iam::210987654321:role/shut": {TrustedAccounts: []string{"111122223333"}},
		}
	})
	for _, test := range []struct {
		name, code string
		in         sts.AssumeRoleInput
	}{
		{"without the external id", "AccessDenied", sts.AssumeRoleInput{}},
		{"with another external id", "AccessDenied", sts.AssumeRoleInput{ExternalId: aws.String("guess")}},
		{"with the external id", "", sts.AssumeRoleInput{ExternalId: aws.String("secret")}},
		{"from an account that isn't trusted", "AccessDenied", sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::210987654321:role/shut")}},
		{"a role nobody restricted", "", sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::210987654321:role/open")}},
		{"what is no role", "ValidationError", sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::210987654321:user/someone")}},
		{"for five minutes", "ValidationError", sts.AssumeRoleInput{ExternalId: aws.String("secret"), DurationSeconds: aws.Int32(300)}},
	} {
		t.Run(test.name, func(t *testing.T) { wantCode(t, second(c.assume(&test.in)), test.code) })
	}
}

func TestChainedSessionsLastAnHourAtMost(t *testing.T) {
	c := newCloud(t)
	config := must[aws.Config](t)(c.assume(&sts.AssumeRoleInput{DurationSeconds: aws.Int32(7200)}))
	_, err := sts.NewFromConfig(config).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String(otherRole), RoleSessionName: aws.String("next"), DurationSeconds: aws.Int32(3601)})
	wantCode(t, err, "ValidationError")
}

func TestUnsignedRequestsAreRefused(t *testing.T) {
	c := newCloud(t)
	answer := must[*http.Response](t)(http.PostForm(c.url, url.Values{"Action": {"DescribeVpcs"}, "Version": {"2016-11-15"}}))
	defer func() { _ = answer.Body.Close() }()
	body := make([]byte, 1000)
	n, _ := answer.Body.Read(body)
	if answer.StatusCode != http.StatusForbidden || !strings.Contains(string(body[:n]), "<Code>MissingAuthenticationToken</Code>") {
		t.Errorf("status %d, %s", answer.StatusCode, body[:n])
	}
}
