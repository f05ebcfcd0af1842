package cloud

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/capa-apiserver/capa-apiserver/cloud/transport"
)

// Session is one identity's way into one account and region.
type Session struct {
	Scope Scope
	// Partition is the AWS partition of the region: aws, aws-cn, aws-us-gov ...
	Partition string
	// Identity names whose session it is, for example "controller" or
	// "AWSClusterRoleIdentity/dev". Two sessions of one scope with the same
	// Identity stand for each other: the newer one has the newer credentials.
	Identity string

	EC2            *ec2.Client
	ELB            *elb.Client
	ELBv2          *elbv2.Client
	AutoScaling    *autoscaling.Client
	SecretsManager *secretsmanager.Client
	SSM            *ssm.Client
	S3             *s3.Client
	SQS            *sqs.Client
	EventBridge    *eventbridge.Client
	IAM            *iam.Client
	EKS            *eks.Client
	ServiceQuotas  *servicequotas.Client

	// credentials sign tokens for clusters.
	credentials aws.CredentialsProvider
	// links signs links into buckets. Making such a client writes to the one it is made of,
	// so that there is one from the beginning.
	links *s3.PresignClient
}

// NewSession makes the clients of a session. All their calls pass the limiter.
func NewSession(cfg aws.Config, limiter *Limiter, scope Scope, partition, identity string) *Session {
	registerMetrics()
	cfg = limiter.configure(cfg, scope)
	// An endpoint of one's own has no host name for each bucket.
	inPath := func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil }
	// A link costs no request, and so nothing of the budget.
	unbudgeted := func(o *s3.Options) { o.APIOptions = nil }
	return &Session{
		Scope: scope, Partition: partition, Identity: identity, credentials: cfg.Credentials,
		EC2:   ec2.NewFromConfig(cfg),
		ELB:   elb.NewFromConfig(cfg),
		ELBv2: elbv2.NewFromConfig(cfg),

		AutoScaling:    autoscaling.NewFromConfig(cfg),
		SecretsManager: secretsmanager.NewFromConfig(cfg),
		SSM:            ssm.NewFromConfig(cfg),
		SQS:            sqs.NewFromConfig(cfg),
		EventBridge:    eventbridge.NewFromConfig(cfg),
		IAM:            iam.NewFromConfig(cfg),
		EKS:            eks.NewFromConfig(cfg),
		ServiceQuotas:  servicequotas.NewFromConfig(cfg),
		S3:             s3.NewFromConfig(cfg, inPath),
		links:          s3.NewPresignClient(s3.NewFromConfig(cfg, inPath, unbudgeted)),
	}
}

// Link makes a link to what a bucket has under a key, which is good for a while without
// credentials. Nothing is called, unless credentials are due.
func (s *Session) Link(ctx context.Context, bucket, key string, life time.Duration) (string, error) {
	request, err := s.links.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key}, s3.WithPresignExpires(life))
	if err != nil {
		return "", fmt.Errorf("make a link into bucket %s: %w", bucket, err)
	}
	return request.URL, nil
}

// configure returns the configuration for clients of a scope.
func (l *Limiter) configure(cfg aws.Config, scope Scope) aws.Config {
	cfg = cfg.Copy()
	cfg.Region = scope.Region
	cfg.Retryer = newRetryer
	cfg.HTTPClient = transport.Shared(cfg.HTTPClient)
	cfg.APIOptions = append(cfg.APIOptions[:len(cfg.APIOptions):len(cfg.APIOptions)], l.apiOptions(scope)...)
	return cfg
}
