package workload

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/capa-apiserver/capa-apiserver/test/workload/userdata"
)

// cloud is AWS as instances and their network see it.
type cloud struct {
	ec2     *ec2.Client
	classic *elasticloadbalancing.Client
	v2      *elasticloadbalancingv2.Client
	secrets *secretsmanager.Client
	ssm     *ssm.Client
	s3      *s3.Client
	images  map[string]string
	config  aws.Config
	account string
}

func newCloud(config aws.Config) *cloud {
	return &cloud{
		ec2: ec2.NewFromConfig(config), classic: elasticloadbalancing.NewFromConfig(config), v2: elasticloadbalancingv2.NewFromConfig(config),
		secrets: secretsmanager.NewFromConfig(config), ssm: ssm.NewFromConfig(config),
		s3: s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }), images: map[string]string{}, config: config,
	}
}

func (c *cloud) instances(ctx context.Context) ([]ec2types.Instance, error) {
	var all []ec2types.Instance
	pages := ec2.NewDescribeInstancesPaginator(c.ec2, &ec2.DescribeInstancesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, reservation := range page.Reservations {
			all = append(all, reservation.Instances...)
		}
	}
	return all, nil
}

// routes returns the healthy instances behind each listener, by "name:port" of the load balancer.
func (c *cloud) routes(ctx context.Context) (map[string][]string, error) {
	routes := map[string][]string{}
	if err := c.addRoutes(ctx, routes); err != nil {
		return nil, err
	}
	return routes, c.addClassicRoutes(ctx, routes)
}

func (c *cloud) addRoutes(ctx context.Context, routes map[string][]string) error {
	balancers, err := c.v2.DescribeLoadBalancers(ctx, &elasticloadbalancingv2.DescribeLoadBalancersInput{})
	if err != nil {
		return err
	}
	for _, balancer := range balancers.LoadBalancers {
		listeners, err := c.v2.DescribeListeners(ctx, &elasticloadbalancingv2.DescribeListenersInput{LoadBalancerArn: balancer.LoadBalancerArn})
		if err != nil {
			return err
		}
		for _, listener := range listeners.Listeners {
			endpoint := fmt.Sprintf("%s:%d", aws.ToString(balancer.DNSName), aws.ToInt32(listener.Port))
			routes[endpoint] = []string{}
			for _, action := range listener.DefaultActions {
				healthy, err := c.healthy(ctx, aws.ToString(action.TargetGroupArn))
				if err != nil {
					return err
				}
				routes[endpoint] = append(routes[endpoint], healthy...)
			}
		}
	}
	return nil
}

func (c *cloud) healthy(ctx context.Context, group string) ([]string, error) {
	if group == "" {
		return nil, nil
	}
	health, err := c.v2.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: aws.String(group)})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, target := range health.TargetHealthDescriptions {
		if target.TargetHealth.State == elbtypes.TargetHealthStateEnumHealthy {
			ids = append(ids, aws.ToString(target.Target.Id))
		}
	}
	return ids, nil
}

// addClassicRoutes takes every registered instance for healthy.
func (c *cloud) addClassicRoutes(ctx context.Context, routes map[string][]string) error {
	balancers, err := c.classic.DescribeLoadBalancers(ctx, &elasticloadbalancing.DescribeLoadBalancersInput{})
	if err != nil {
		return err
	}
	for _, balancer := range balancers.LoadBalancerDescriptions {
		for _, listener := range balancer.ListenerDescriptions {
			endpoint := fmt.Sprintf("%s:%d", aws.ToString(balancer.DNSName), listener.Listener.LoadBalancerPort)
			routes[endpoint] = []string{}
			for _, instance := range balancer.Instances {
				routes[endpoint] = append(routes[endpoint], aws.ToString(instance.InstanceId))
			}
		}
	}
	return nil
}

var (
	imageVersion    = regexp.MustCompile(`-(v\d+\.\d+\.\d+)-`)
	eksImageVersion = regexp.MustCompile(`^(?:amazon-eks-.*node-.*?|bottlerocket-aws-k8s-|Windows_Server-.*-EKS_Optimized-)(1\.\d+)-`)
)

// eksSuffix is how the versions of EKS's kubelets end.
const eksSuffix = ".3-eks-cb19647"

// kubernetesVersion returns the version of the kubelet in an image, which the names of Cluster API's and EKS's images tell.
func (c *cloud) kubernetesVersion(ctx context.Context, image string) (string, error) {
	if version := c.images[image]; version != "" {
		return version, nil
	}
	out, err := c.ec2.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{image}})
	if err != nil {
		return "", err
	}
	for _, i := range out.Images {
		if found := imageVersion.FindStringSubmatch(aws.ToString(i.Name)); found != nil {
			c.images[image] = found[1]
		} else if found := eksImageVersion.FindStringSubmatch(aws.ToString(i.Name)); found != nil {
			c.images[image] = "v" + found[1] + eksSuffix
		}
	}
	if c.images[image] == "" {
		return "", fmt.Errorf("image %s has no kubelet", image)
	}
	return c.images[image], nil
}

// bootstrapData reads an instance's user data and fetches what that points to.
func (c *cloud) bootstrapData(ctx context.Context, instance string) ([]byte, error) {
	out, err := c.ec2.DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{InstanceId: &instance, Attribute: ec2types.InstanceAttributeNameUserData})
	if err != nil {
		return nil, err
	}
	if out.UserData == nil {
		return nil, fmt.Errorf("instance %s has no user data", instance)
	}
	text, err := base64.StdEncoding.DecodeString(aws.ToString(out.UserData.Value))
	if err != nil {
		return nil, fmt.Errorf("user data of instance %s: %w", instance, err)
	}
	if text, err = plain(text); err != nil {
		return nil, err
	}
	source, err := userdata.SourceOf(text)
	switch {
	case err != nil:
		return nil, err
	case source.URL != "":
		return c.fetch(ctx, source.URL)
	case source.Secrets != nil:
		return c.readSecrets(ctx, source.Secrets)
	}
	return text, nil
}

// readSecrets reads the parts and removes them, as the script of the boot hook does.
func (c *cloud) readSecrets(ctx context.Context, names []string) ([]byte, error) {
	var all []byte
	parameters := strings.HasPrefix(names[0], "/")
	for _, name := range names {
		if parameters {
			out, err := c.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
			if err != nil {
				return nil, err
			}
			all = append(all, aws.ToString(out.Parameter.Value)...)
			continue
		}
		out, err := c.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
		if err != nil {
			return nil, err
		}
		all = append(all, out.SecretBinary...)
	}
	if parameters {
		decoded, err := base64.StdEncoding.DecodeString(string(all))
		if err != nil {
			return nil, fmt.Errorf("parameters %v: %w", names, err)
		}
		all = decoded
	}
	data, err := plain(all)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		// The controller removes what stays, so a failure doesn't stop the boot.
		if parameters {
			_, _ = c.ssm.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &name})
			continue
		}
		_, _ = c.secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: &name, ForceDeleteWithoutRecovery: aws.Bool(true)})
	}
	return data, nil
}

// fetch reads an object of a bucket, as the instance itself or with a presigned URL.
func (c *cloud) fetch(ctx context.Context, url string) ([]byte, error) {
	if path, ok := strings.CutPrefix(url, "s3://"); ok {
		bucket, key, _ := strings.Cut(path, "/")
		out, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			return nil, err
		}
		defer func() { _ = out.Body.Close() }()
		return io.ReadAll(out.Body)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s answers %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}

// plain takes gzip off, which cloud-init does with all it is given.
func plain(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}
