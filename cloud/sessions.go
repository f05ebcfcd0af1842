package cloud

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"golang.org/x/sync/singleflight"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/cloud/transport"
)

const (
	// connectTimeout bounds getting an identity's credentials and account.
	connectTimeout = 10 * time.Second
	// failureHold is how long a failed connection is answered from memory, so
	// that many clusters of one broken identity make one call.
	failureHold = 5 * time.Second
	// idleTime is how long an unused session is kept. Clusters are reconciled far
	// more often, so only sessions with outdated credentials get that old.
	idleTime = 2 * time.Hour
	// expiryWindow is how long before their end credentials are renewed, so that
	// none end between signature and arrival.
	expiryWindow = time.Minute
	// defaultSessionName is an assumed role's session name, seen in CloudTrail.
	defaultSessionName = "capa-apiserver"
)

// Options are what sessions are made of.
type Options struct {
	// Identities reads the AWSCluster*Identity kinds at the hub version.
	Identities client.Reader
	// Host reads Namespaces of the management cluster.
	Host client.Reader
	// Secrets reads those of static identities, which is done for each pass of each
	// object; nil means Host.
	Secrets client.Reader
	// ControllerNamespace holds the Secrets of static identities.
	ControllerNamespace string
	// LoadConfig gives the process's own AWS configuration; it is called until it
	// succeeds once. Nil means the SDK's default chain, with its environment
	// variables (AWS_ENDPOINT_URL among them), files, and instance or pod roles.
	LoadConfig func(ctx context.Context) (aws.Config, error)
	// Limits gives the bucket of an operation; nil means LimitOf.
	Limits func(service, operation string) Limit
	// Clock is the real one if nil.
	Clock clock.WithDelayedExecution
}

// Sessions makes and keeps sessions, and owns the process's request budget.
type Sessions struct {
	options Options
	limiter *Limiter
	flights singleflight.Group

	mu       sync.Mutex
	base     *aws.Config
	logins   map[string]*login   // by the chain's key
	sessions map[string]*cached  // by the chain's key, name and region
	failures map[string]*failure // by the same
}

// login is an identity's credentials and whose they are.
type login struct {
	provider           aws.CredentialsProvider
	account, partition string
}

// outcome is what For gives: one of the two.
type outcome struct {
	session *Session
	err     error
}

type cached struct {
	session *Session
	used    time.Time
}

type failure struct {
	err   error
	until time.Time
}

// NewSessions gives a maker of sessions without any.
func NewSessions(o Options) *Sessions {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.LoadConfig == nil {
		o.LoadConfig = func(ctx context.Context) (aws.Config, error) { return config.LoadDefaultConfig(ctx) }
	}
	if o.Secrets == nil {
		o.Secrets = o.Host
	}
	registerMetrics()
	return &Sessions{
		options: o, limiter: NewLimiter(o.Clock, o.Limits),
		logins: map[string]*login{}, sessions: map[string]*cached{}, failures: map[string]*failure{},
	}
}

// Limiter is the request budget that all the sessions share.
func (s *Sessions) Limiter() *Limiter { return s.limiter }

// For returns the session of a site. Without a reference it is the process's own
// identity. The same content of identities and Secrets gives the same session; a
// change of either gives another one. The error is an IdentityError, unless ctx
// ended first; one that leads to another account than the site's is one too.
func (s *Sessions) For(ctx context.Context, site Site) (*Session, error) {
	c, err := s.resolve(ctx, site.Identity, site.Namespace)
	if err != nil {
		return nil, err
	}
	session, err := s.session(ctx, c, site.Region)
	if err != nil {
		return nil, err
	}
	if site.Account != "" && session.Scope.Account != site.Account {
		return nil, &IdentityError{PrincipalAccountMismatchReason, c.name, fmt.Errorf(
			"it leads to AWS account %s, and the resources are in account %s (status.accountID): nothing is shown or changed until spec.identityRef or its credentials lead there again",
			session.Scope.Account, site.Account)}
	}
	return session, nil
}

// session returns the session of a chain in a region.
func (s *Sessions) session(ctx context.Context, c chain, region string) (*Session, error) {
	if region == "" {
		return nil, &IdentityError{CredentialProviderBuildFailedReason, c.name, errors.New("no region: set spec.region")}
	}
	key := c.key() + "/" + c.name + "/" + region
	if known := s.known(key); known != nil {
		return known.session, known.err
	}
	done := s.flights.DoChan(key, func() (any, error) {
		// The session is made for everybody who waits, so nobody's context ends it.
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		session, err := s.open(detached, c, region)
		s.remember(key, session, err)
		return session, err
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-done:
		session, _ := result.Val.(*Session)
		return session, result.Err
	}
}

// known returns the outcome that is remembered, or nil.
func (s *Sessions) known(key string) *outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Clock.Now()
	if c := s.sessions[key]; c != nil {
		c.used = now
		return &outcome{session: c.session}
	}
	if f := s.failures[key]; f != nil && now.Before(f.until) {
		return &outcome{err: f.err}
	}
	return nil
}

func (s *Sessions) remember(key string, session *Session, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Clock.Now()
	for k, f := range s.failures {
		if !now.Before(f.until) {
			delete(s.failures, k)
		}
	}
	if err != nil {
		s.failures[key] = &failure{err, now.Add(failureHold)}
		return
	}
	s.sessions[key] = &cached{session, now}
	inUse := map[string]bool{}
	for k, c := range s.sessions {
		if now.Sub(c.used) > idleTime {
			delete(s.sessions, k)
			continue
		}
		chainKey, _, _ := strings.Cut(k, "/")
		inUse[chainKey] = true
	}
	for k := range s.logins {
		if !inUse[k] {
			delete(s.logins, k)
		}
	}
}

// open makes a session: configuration, credentials, account, clients.
func (s *Sessions) open(ctx context.Context, c chain, region string) (*Session, error) {
	base, err := s.config(ctx)
	if err != nil {
		return nil, &IdentityError{CredentialProviderBuildFailedReason, c.name, fmt.Errorf("load the AWS configuration: %w", err)}
	}
	l, err := s.login(ctx, base, c, region)
	if err != nil {
		return nil, &IdentityError{PrincipalCredentialRetrievalFailedReason, c.name, err}
	}
	base.Credentials = l.provider
	return NewSession(base, s.limiter, Scope{Account: l.account, Region: region}, l.partition, c.name), nil
}

func (s *Sessions) config(ctx context.Context) (aws.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base == nil {
		cfg, err := s.options.LoadConfig(ctx)
		if err != nil {
			return aws.Config{}, err
		}
		cfg.HTTPClient = transport.Shared(cfg.HTTPClient)
		s.base = &cfg
	}
	return s.base.Copy(), nil
}

// login gets the credentials of a chain, and asks STS once whose they are.
func (s *Sessions) login(ctx context.Context, base aws.Config, c chain, region string) (*login, error) {
	key := c.key()
	s.mu.Lock()
	known := s.logins[key]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	cfg := s.limiter.configure(base, Scope{Region: region})
	cfg.Credentials = credentialsOf(cfg, c)
	if cfg.Credentials == nil {
		return nil, errors.New("no AWS credentials: give the process AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role")
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, err
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, err
	}
	l := &login{provider: cfg.Credentials, account: aws.ToString(who.Account), partition: partitionOf(aws.ToString(who.Arn))}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins[key] = l
	return l, nil
}

// credentialsOf builds the chain's providers, from the bottom up. Each is cached
// until shortly before its credentials expire.
func credentialsOf(cfg aws.Config, c chain) aws.CredentialsProvider {
	if k := c.static; k != nil {
		cfg.Credentials = aws.NewCredentialsCache(
			credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken))
	}
	for _, role := range c.roles {
		assume := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), role.RoleArn, role.options)
		cfg.Credentials = aws.NewCredentialsCache(assume, func(o *aws.CredentialsCacheOptions) {
			o.ExpiryWindow = expiryWindow
		})
	}
	return cfg.Credentials
}

func (r roleLink) options(o *stscreds.AssumeRoleOptions) {
	o.RoleSessionName = defaultSessionName
	if r.SessionName != "" {
		o.RoleSessionName = r.SessionName
	}
	if r.DurationSeconds != 0 {
		o.Duration = time.Duration(r.DurationSeconds) * time.Second
	}
	if r.ExternalID != "" {
		o.ExternalID = aws.String(r.ExternalID)
	}
	if r.InlinePolicy != "" {
		o.Policy = aws.String(r.InlinePolicy)
	}
	for _, arn := range r.PolicyARNs {
		o.PolicyARNs = append(o.PolicyARNs, ststypes.PolicyDescriptorType{Arn: aws.String(arn)})
	}
}

// partitionOf returns the partition that an ARN names, aws if it is no ARN.
func partitionOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 3); len(parts) == 3 && parts[0] == "arn" && parts[1] != "" {
		return parts[1]
	}
	return "aws"
}
