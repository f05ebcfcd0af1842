package workload

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	product "github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// eksBench is an emulated account with an EKS cluster.
type eksBench struct {
	*testing.T
	aws     *emulator.Emulator
	config  aws.Config
	proxy   *Proxy
	cluster *ekstypes.Cluster
	// instances are those of the account.
	instances *Instances
}

const clusterName = "c1"

func newEKSBench(t *testing.T, change func(*awseks.CreateClusterInput)) *eksBench {
	b, ctx := &eksBench{T: t, aws: emulator.New(emulator.Options{})}, t.Context()
	b.aws.Configure(func(c *emulator.Config) { c.ClusterDelay = 0 })
	endpoint, stop, err := b.aws.Start("127.0.0.1:0")
	b.must(err)
	t.Cleanup(stop)
	b.config = aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: emulator.HTTPClient{}, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "x", "")}
	network := ec2.NewFromConfig(b.config)
	vpc, err := network.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	b.must(err)
	in := &awseks.CreateClusterInput{Name: aws.String(clusterName), ResourcesVpcConfig: &ekstypes.VpcConfigRequest{},
		RoleArn: aws.String("arn:aws:iam::" + emulator.DefaultAccount + ":role/eks-controlplane.cluster-api-provider-aws.sigs.k8s.io")}
	for i, zone := range []string{"us-east-1a", "us-east-1b"} {
		subnet, err := network.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String(fmt.Sprintf("10.0.%d.0/24", i)), AvailabilityZone: &zone})
		b.must(err)
		in.ResourcesVpcConfig.SubnetIds = append(in.ResourcesVpcConfig.SubnetIds, *subnet.Subnet.SubnetId)
	}
	if change != nil {
		change(in)
	}
	_, err = awseks.NewFromConfig(b.config).CreateCluster(ctx, in)
	b.must(err)
	b.eventually("the cluster is active", func() error {
		out, err := awseks.NewFromConfig(b.config).DescribeCluster(ctx, &awseks.DescribeClusterInput{Name: in.Name})
		if err != nil || out.Cluster.Status != ekstypes.ClusterStatusActive {
			return fmt.Errorf("%+v, %w", out, err)
		}
		b.cluster = out.Cluster
		return nil
	})
	b.proxy, err = NewProxy("127.0.0.1:0")
	b.must(err)
	t.Cleanup(b.proxy.Stop)
	run, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	b.instances = Start(run, b.config, b.proxy)
	return b
}

func (b *eksBench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *eksBench) eventually(what string, check func() error) {
	b.Helper()
	(&bench{T: b.T, instances: &Instances{}}).eventually(what, check)
}

// token is one for a cluster, of whoever has the credentials.
func (b *eksBench) token(keys aws.CredentialsProvider, cluster string) string {
	b.Helper()
	session := product.NewSession(aws.Config{Credentials: keys}, product.NewLimiter(nil, nil), product.Scope{Region: "us-east-1"}, "aws", "test")
	token, err := session.Token(b.Context(), cluster)
	b.must(err)
	return token.Value
}

// client shows a token to the cluster's API.
func (b *eksBench) client(token string) *kubernetes.Clientset {
	b.Helper()
	through, err := url.Parse(b.proxy.URL)
	b.must(err)
	ca, err := base64.StdEncoding.DecodeString(aws.ToString(b.cluster.CertificateAuthority.Data))
	b.must(err)
	c, err := kubernetes.NewForConfig(&rest.Config{Host: *b.cluster.Endpoint, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: ca}, Proxy: http.ProxyURL(through)})
	b.must(err)
	return c
}

// pods are the names of the pods that whoever has the token sees.
func (b *eksBench) pods(token string) ([]string, error) {
	list, err := b.client(token).CoreV1().Pods(metav1.NamespaceAll).List(b.Context(), metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range list.Items {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names, nil
}

// session is that of a role that the account's user assumed.
func (b *eksBench) session() aws.CredentialsProvider {
	b.Helper()
	out, err := sts.NewFromConfig(b.config).AssumeRole(b.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + emulator.DefaultAccount + ":role/path/dev"), RoleSessionName: aws.String("me")})
	b.must(err)
	return credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
}

func TestAnActiveClusterServesItsAPIToItsCreator(t *testing.T) {
	b := newEKSBench(t, nil)
	mine := b.token(b.config.Credentials, clusterName)
	b.eventually("the creator sees pods", func() error {
		names, err := b.pods(mine)
		if want := []string{"coredns-0", "coredns-1"}; err != nil || !slices.Equal(names, want) {
			return fmt.Errorf("they are %q, %w", names, err)
		}
		return nil
	})
	_, err := awseks.NewFromConfig(b.config).DeleteCluster(t.Context(), &awseks.DeleteClusterInput{Name: b.cluster.Name})
	b.must(err)
	b.eventually("nothing answers once it is gone", func() error {
		if names, err := b.pods(mine); err == nil {
			return fmt.Errorf("pods are %q", names)
		}
		return nil
	})
}

func TestWithoutSelfManagedAddonsThereIsNothing(t *testing.T) {
	b := newEKSBench(t, func(in *awseks.CreateClusterInput) { in.BootstrapSelfManagedAddons = aws.Bool(false) })
	b.eventually("it answers", func() error {
		names, err := b.pods(b.token(b.config.Credentials, clusterName))
		if err == nil && len(names) > 0 {
			t.Fatalf("pods are %q", names)
		}
		return err
	})
}

func TestOthersAreLetInByTheConfigMap(t *testing.T) {
	b := newEKSBench(t, nil)
	mine, theirs := b.token(b.config.Credentials, clusterName), b.token(b.session(), clusterName)
	b.eventually("it answers", func() error { _, err := b.pods(mine); return err })
	if names, err := b.pods(theirs); !apierrors.IsUnauthorized(err) {
		t.Fatalf("a stranger sees %q, %v", names, err)
	}
	lines := "- {rolearn: 'arn:aws:iam::" + emulator.DefaultAccount + ":role/dev', username: dev, groups: [GROUP]}"
	m, err := b.client(mine).CoreV1().ConfigMaps("kube-system").Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "aws-auth"},
		Data: map[string]string{"mapRoles": strings.ReplaceAll(lines, "GROUP", "devs")}}, metav1.CreateOptions{})
	b.must(err)
	if names, err := b.pods(theirs); !apierrors.IsForbidden(err) {
		t.Fatalf("who has no rights sees %q, %v", names, err)
	}
	m.Data["mapRoles"] = strings.ReplaceAll(lines, "GROUP", "system:masters")
	_, err = b.client(mine).CoreV1().ConfigMaps("kube-system").Update(t.Context(), m, metav1.UpdateOptions{})
	b.must(err)
	if _, err := b.pods(theirs); err != nil {
		t.Fatal(err)
	}
	if names, err := b.pods(b.token(b.session(), "another")); !apierrors.IsUnauthorized(err) {
		t.Errorf("with a token for another cluster they see %q, %v", names, err)
	}
}

func TestOthersAreLetInByAccessEntries(t *testing.T) {
	b := newEKSBench(t, func(in *awseks.CreateClusterInput) {
		in.AccessConfig = &ekstypes.CreateAccessConfigRequest{AuthenticationMode: ekstypes.AuthenticationModeApi}
	})
	b.eventually("the creator is let in", func() error { _, err := b.pods(b.token(b.config.Credentials, clusterName)); return err })
	theirs, entries := b.token(b.session(), clusterName), awseks.NewFromConfig(b.config)
	if names, err := b.pods(theirs); !apierrors.IsUnauthorized(err) {
		t.Fatalf("a stranger sees %q, %v", names, err)
	}
	role := aws.String("arn:aws:iam::" + emulator.DefaultAccount + ":role/path/dev")
	_, err := iam.NewFromConfig(b.config).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("dev"), Path: aws.String("/path/"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`)})
	b.must(err)
	_, err = entries.CreateAccessEntry(t.Context(), &awseks.CreateAccessEntryInput{ClusterName: b.cluster.Name, PrincipalArn: role})
	b.must(err)
	b.eventually("without a policy there are no rights", func() error {
		if names, err := b.pods(theirs); !apierrors.IsForbidden(err) {
			return fmt.Errorf("they see %q, %w", names, err)
		}
		return nil
	})
	_, err = entries.AssociateAccessPolicy(t.Context(), &awseks.AssociateAccessPolicyInput{ClusterName: b.cluster.Name, PrincipalArn: role,
		PolicyArn: aws.String("arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"), AccessScope: &ekstypes.AccessScope{Type: ekstypes.AccessScopeTypeCluster}})
	b.must(err)
	b.eventually("with it there are", func() error { _, err := b.pods(theirs); return err })
}

func TestTokensThatAreNotForItAreRefused(t *testing.T) {
	b := newEKSBench(t, nil)
	mine := b.token(b.config.Credentials, clusterName)
	b.eventually("it answers", func() error { _, err := b.pods(mine); return err })
	request, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(mine, product.TokenPrefix))
	b.must(err)
	for name, change := range map[string]func(*url.URL){
		"old": func(u *url.URL) {
			setQuery(u, "X-Amz-Date", time.Now().Add(-product.TokenLife-time.Minute).UTC().Format("20060102T150405Z"))
		},
		"to elsewhere": func(u *url.URL) { u.Host = "sts.example.com" },
		"another call": func(u *url.URL) { setQuery(u, "Action", "GetSessionToken") },
		"for nothing":  func(u *url.URL) { setQuery(u, "X-Amz-SignedHeaders", "host") },
		"with more":    func(u *url.URL) { setQuery(u, "RoleArn", "x") },
	} {
		u, err := url.Parse(string(request))
		b.must(err)
		change(u)
		if names, err := b.pods(product.TokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(u.String()))); !apierrors.IsUnauthorized(err) {
			t.Errorf("%s: sees %q, %v", name, names, err)
		}
	}
	for _, token := range []string{"", "x", product.TokenPrefix + "%%"} {
		if names, err := b.pods(token); !apierrors.IsUnauthorized(err) {
			t.Errorf("with %q: sees %q, %v", token, names, err)
		}
	}
}

func setQuery(u *url.URL, key, value string) {
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
}

func TestServiceAccountsGetTokensOfADayAtMost(t *testing.T) {
	b := newEKSBench(t, nil)
	c := b.client(b.token(b.config.Credentials, clusterName))
	b.eventually("it answers", func() error {
		_, err := c.CoreV1().ServiceAccounts("kube-system").Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, metav1.CreateOptions{})
		return err
	})
	answer, err := c.CoreV1().ServiceAccounts("kube-system").CreateToken(t.Context(), "a", &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: aws.Int64(1e6)}}, metav1.CreateOptions{})
	b.must(err)
	if life := time.Until(answer.Status.ExpirationTimestamp.Time); life > longestToken {
		t.Errorf("it lives %s", life)
	}
	if names, err := b.pods(answer.Status.Token); !apierrors.IsForbidden(err) {
		t.Errorf("without rights it sees %q, %v", names, err)
	}
	_, err = c.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "a"},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "kube-system", Name: "a"}}}, metav1.CreateOptions{})
	b.must(err)
	if _, err := b.pods(answer.Status.Token); err != nil {
		t.Error(err)
	}
}

func TestPrivateEndpointsDoNotAnswerFromOutside(t *testing.T) {
	b := newEKSBench(t, func(in *awseks.CreateClusterInput) {
		in.ResourcesVpcConfig.EndpointPrivateAccess, in.ResourcesVpcConfig.EndpointPublicAccess = aws.Bool(true), aws.Bool(false)
	})
	b.eventually("it is known, and private", func() error {
		if _, err := b.pods(b.token(b.config.Credentials, clusterName)); err == nil {
			t.Fatal("it answers")
		}
		_, err := b.proxy.route(strings.TrimPrefix(*b.cluster.Endpoint, "https://") + ":443")
		if !strings.Contains(fmt.Sprint(err), "is private") {
			return err
		}
		return nil
	})
}
