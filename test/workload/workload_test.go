package workload

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/cluster-api/controlplane/kubeadm/pkg/etcd"
	kcpproxy "sigs.k8s.io/cluster-api/controlplane/kubeadm/pkg/proxy"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const patience = time.Minute

// bench is an emulated account with a network and a load balancer, whose instances boot.
type bench struct {
	*testing.T
	cloud     *cloud
	instances *Instances
	subnet    string
	group     string
	endpoint  string
	image     string
	ca        authority
	client    *kubernetes.Clientset
	config    *rest.Config
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, ca: newAuthority(t)}
	url, stop, err := emulator.New(emulator.Options{}).Start("127.0.0.1:0")
	b.must(err)
	t.Cleanup(stop)
	config := aws.Config{Region: "us-east-1", BaseEndpoint: &url, HTTPClient: emulator.HTTPClient{}, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "x", "")}
	b.cloud = newCloud(config)
	b.buildNetwork()
	proxy, err := NewProxy("127.0.0.1:0")
	b.must(err)
	t.Cleanup(proxy.Stop)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	b.instances = Start(ctx, config, proxy)
	b.config = b.clientConfig(proxy)
	b.client, err = kubernetes.NewForConfig(b.config)
	b.must(err)
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) buildNetwork() {
	ctx := context.Background()
	vpc, err := b.cloud.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	b.must(err)
	subnet, err := b.cloud.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24"), AvailabilityZone: aws.String("us-east-1a")})
	b.must(err)
	b.subnet = *subnet.Subnet.SubnetId
	balancer, err := b.cloud.v2.CreateLoadBalancer(ctx, &elasticloadbalancingv2.CreateLoadBalancerInput{Name: aws.String("api"), Type: elbtypes.LoadBalancerTypeEnumNetwork,
		Scheme: elbtypes.LoadBalancerSchemeEnumInternal, Subnets: []string{b.subnet}})
	b.must(err)
	b.endpoint = *balancer.LoadBalancers[0].DNSName + ":6443"
	group, err := b.cloud.v2.CreateTargetGroup(ctx, &elasticloadbalancingv2.CreateTargetGroupInput{Name: aws.String("api"), Port: aws.Int32(6443),
		Protocol: elbtypes.ProtocolEnumTcp, VpcId: vpc.Vpc.VpcId, TargetType: elbtypes.TargetTypeEnumInstance})
	b.must(err)
	b.group = *group.TargetGroups[0].TargetGroupArn
	_, err = b.cloud.v2.CreateListener(ctx, &elasticloadbalancingv2.CreateListenerInput{LoadBalancerArn: balancer.LoadBalancers[0].LoadBalancerArn, Port: aws.Int32(6443),
		Protocol: elbtypes.ProtocolEnumTcp, DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: &b.group}}})
	b.must(err)
	images, err := b.cloud.ec2.DescribeImages(ctx, &ec2.DescribeImagesInput{Filters: []ec2types.Filter{
		{Name: aws.String("name"), Values: []string{"capa-ami-ubuntu-24.04-v1.34.2-*"}}, {Name: aws.String("architecture"), Values: []string{"x86_64"}}}})
	b.must(err)
	b.image = *images.Images[0].ImageId
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func (a authority) pem(t *testing.T) (cert, key string) {
	t.Helper()
	raw, err := x509.MarshalECPrivateKey(a.key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}))
}

func (b *bench) clientConfig(proxy *Proxy) *rest.Config {
	cert, _ := b.ca.pem(b.T)
	through, err := url.Parse(proxy.URL)
	b.must(err)
	return &rest.Config{Host: "https://" + b.endpoint, Timeout: 10 * time.Second, TLSClientConfig: rest.TLSClientConfig{CAData: []byte(cert)},
		Proxy: http.ProxyURL(through)}
}

// launch starts an instance with files and has it behind the load balancer if it is a control plane.
func (b *bench) launch(kubeadm string, controlPlane bool) string {
	b.Helper()
	ctx := context.Background()
	cert, key := b.ca.pem(b.T)
	data := "#cloud-config\nruncmd: [kubeadm]\nwrite_files:\n"
	for path, content := range map[string]string{"/run/kubeadm/kubeadm.yaml": kubeadm, caFile + ".crt": cert, caFile + ".key": key, etcdCAFile + ".crt": cert, etcdCAFile + ".key": key} {
		data += fmt.Sprintf("- {path: %s, encoding: base64, content: %s}\n", path, base64.StdEncoding.EncodeToString([]byte(content)))
	}
	out, err := b.cloud.ec2.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: &b.image, InstanceType: ec2types.InstanceTypeT3Large, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		SubnetId: &b.subnet, UserData: aws.String(base64.StdEncoding.EncodeToString([]byte(data)))})
	b.must(err)
	id := *out.Instances[0].InstanceId
	if controlPlane {
		b.eventually("the instance is a target", func() error {
			_, err := b.cloud.v2.RegisterTargets(ctx, &elasticloadbalancingv2.RegisterTargetsInput{TargetGroupArn: &b.group, Targets: []elbtypes.TargetDescription{{Id: &id}}})
			return err
		})
	}
	return id
}

func (b *bench) eventually(what string, check func() error) {
	b.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("not within %s: %s: %v\n%s", patience, what, err, b.instances.Problems())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (b *bench) initConfig() string {
	return "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncontrolPlaneEndpoint: " + b.endpoint + "\nkubernetesVersion: v1.34.2\n"
}

func (b *bench) joinConfig(token string, ca crypto.PublicKey, controlPlane bool) string {
	raw, err := x509.MarshalPKIXPublicKey(ca)
	b.must(err)
	sum := sha256.Sum256(raw)
	more := ""
	if controlPlane {
		more = "controlPlane: {}\n"
	}
	return fmt.Sprintf("apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n%sdiscovery:\n  bootstrapToken: {apiServerEndpoint: '%s', token: %s, caCertHashes: ['sha256:%s']}\n",
		more, b.endpoint, token, hex.EncodeToString(sum[:]))
}

func (b *bench) nodes() map[string]string {
	list, err := b.client.CoreV1().Nodes().List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	names := map[string]string{}
	for _, n := range list.Items {
		names[n.Spec.ProviderID[strings.LastIndex(n.Spec.ProviderID, "/")+1:]] = n.Name
	}
	return names
}

// etcdMembers asks one etcd member, by the way Cluster API takes.
func (b *bench) etcdMembers(node string) ([]*etcd.Member, error) {
	cert, err := b.ca.sign(b.ca.key, "client")
	b.must(err)
	roots := x509.NewCertPool()
	roots.AddCert(b.ca.cert)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := etcd.NewClient(ctx, etcd.ClientConfiguration{
		Endpoint: "etcd-" + node, DialTimeout: 10 * time.Second, CallTimeout: 10 * time.Second,
		Proxy:     kcpproxy.Proxy{Kind: "pods", Namespace: metav1.NamespaceSystem, KubeConfig: rest.CopyConfig(b.config), Port: 2379},
		TLSConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	return c.Members(ctx)
}

// servingName is the common name of the API server's certificate on a node, by the way of the kubeadm control plane provider.
func (b *bench) servingName(node string) string {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	dialer, err := kcpproxy.NewDialer(kcpproxy.Proxy{Kind: "pods", Namespace: metav1.NamespaceSystem, KubeConfig: rest.CopyConfig(b.config), Port: 6443})
	b.must(err)
	raw, err := dialer.DialContextWithAddr(ctx, "kube-apiserver-"+node)
	b.must(err)
	conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	defer func() { _ = conn.Close() }()
	b.must(conn.HandshakeContext(ctx))
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// TestInstancesMakeACluster has three instances become a cluster that answers behind its load balancer as long as a
// control plane is there.
func TestInstancesMakeACluster(t *testing.T) {
	b, ctx := newBench(t), context.Background()
	if nodes := b.nodes(); nodes["error"] == "" {
		t.Fatalf("a load balancer without targets answers: %v", nodes)
	}
	first := b.launch(b.initConfig(), true)
	b.eventually("the first node is there", func() error {
		if nodes := b.nodes(); nodes[first] == "" {
			return fmt.Errorf("nodes are %v", nodes)
		}
		return nil
	})
	if name := b.servingName(b.nodes()[first]); name != "kube-apiserver" {
		t.Errorf("the API server's certificate is of %q", name)
	}
	stranger := b.launch(b.joinConfig("aaaaaa.bbbbbbbbbbbbbbbb", newAuthority(t).key.Public(), false), false)
	second := b.launch(b.joinConfig("abcdef.0123456789abcdef", b.ca.key.Public(), true), true)
	b.eventually("a join waits for its token", func() error {
		if problems := b.instances.Problems(); !strings.Contains(problems, second) || !strings.Contains(problems, "bootstrap token") {
			return fmt.Errorf("the problems are %q", problems)
		}
		return nil
	})
	_, err := b.client.CoreV1().Secrets(metav1.NamespaceSystem).Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "bootstrap-token-abcdef"},
		Data: map[string][]byte{"token-secret": []byte("0123456789abcdef")}}, metav1.CreateOptions{})
	b.must(err)
	b.eventually("etcd has two members", func() error {
		members, err := b.etcdMembers(b.nodes()[first])
		if err != nil || len(members) != 2 {
			return fmt.Errorf("the members are %v, %w", members, err)
		}
		return nil
	})
	if nodes := b.nodes(); nodes[stranger] != "" {
		t.Errorf("a machine that knows another CA joined: %v", nodes)
	}
	_, err = b.cloud.ec2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{first}})
	b.must(err)
	b.eventually("the rest goes on without the lost one", func() error {
		nodes := b.nodes()
		members, err := b.etcdMembers(nodes[second])
		if nodes[first] != "" || err != nil || len(members) != 1 {
			return fmt.Errorf("nodes are %v, members %v, %w", nodes, members, err)
		}
		return nil
	})
	_, err = b.cloud.ec2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{second}})
	b.must(err)
	b.eventually("nothing answers any more", func() error {
		if nodes := b.nodes(); nodes["error"] == "" {
			return fmt.Errorf("nodes are %v", nodes)
		}
		return nil
	})
}
