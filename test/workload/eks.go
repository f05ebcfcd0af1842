package workload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/eks"
)

// eksCluster is the control plane of an EKS cluster, as AWS runs it.
type eksCluster struct {
	*server
	gate   *gate
	addons *addons
	plane  eks.ControlPlane
	// problem is why not all pods are where they belong yet.
	problem error
}

// stepEKS has the control planes run that AWS has, and no others.
func (s *Instances) stepEKS(ctx context.Context) {
	s.stepping.Lock()
	defer s.stepping.Unlock()
	planes, err := s.cloud.controlPlanes(ctx)
	if err != nil {
		return
	}
	found := map[string]bool{}
	for _, plane := range planes {
		found[plane.ARN+plane.Endpoint] = true
		s.mu.Lock()
		c := s.planes[plane.ARN+plane.Endpoint]
		s.mu.Unlock()
		if c == nil {
			if c, err = newEKSCluster(ctx, plane, s.cloud); err != nil {
				continue // it is tried again at the next look
			}
		}
		s.mu.Lock()
		c.plane = plane
		s.planes[plane.ARN+plane.Endpoint] = c
		s.mu.Unlock()
		c.gate.use(plane)
		c.addons.install(ctx, plane.Access.Addons)
		s.follow(ctx, c)
		problem := errors.Join(s.fargate(ctx, c), pods{c.client}.settle(ctx)) // what fails is tried again at the next look
		s.mu.Lock()
		c.problem = problem
		s.mu.Unlock()
		s.drain(ctx, c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for arn, c := range s.planes {
		if !found[arn] {
			delete(s.planes, arn)
			c.stop()
		}
	}
}

func newEKSCluster(ctx context.Context, plane eks.ControlPlane, cloud *cloud) (*eksCluster, error) {
	at, err := url.Parse(plane.Endpoint)
	if err != nil {
		return nil, err
	}
	ca, err := readAuthority(map[string]string{caFile + ".crt": string(plane.Certificate), caFile + ".key": string(plane.Key)}, caFile)
	if err != nil {
		return nil, err
	}
	c := &eksCluster{gate: newGate(cloud)}
	if c.server, err = newServer(at.Hostname(), ca, ca, c.gate.guard); err != nil {
		return nil, err
	}
	c.gate.objects, c.addons = c.client, &addons{client: c.client}
	if err := c.addons.begin(ctx); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// isEKS is the form of the endpoints of EKS clusters.
var isEKS = regexp.MustCompile(`(?i)\.eks\.amazonaws\.com(\.cn)?:443$`)

// routeEKS returns the address of the control plane at "host:port"; known tells that it is one's of EKS. AWS is looked at for one that isn't
// known yet: as soon as AWS says that a cluster is active, it answers.
func (s *Instances) routeEKS(endpoint string) (address string, known bool, err error) {
	if address, known, err = s.known(endpoint); !known && isEKS.MatchString(endpoint) {
		s.stepEKS(context.Background())
		return s.known(endpoint)
	}
	return address, known, err
}

func (s *Instances) known(endpoint string) (address string, known bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.planes {
		if at, err := url.Parse(c.plane.Endpoint); err != nil || !strings.EqualFold(at.Hostname()+":443", endpoint) {
			continue
		}
		if !c.plane.Access.Public {
			return "", true, fmt.Errorf("the endpoint %s of EKS cluster %s is private", endpoint, c.plane.Name)
		}
		return c.address, true, nil
	}
	return "", false, nil
}

// controlPlanes are those that AWS runs in the account and region.
func (c *cloud) controlPlanes(ctx context.Context) ([]eks.ControlPlane, error) {
	if c.account == "" {
		who, err := sts.NewFromConfig(c.config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return nil, err
		}
		c.account = aws.ToString(who.Account)
	}
	return ask[[]eks.ControlPlane](ctx, c, "control-planes", url.Values{"account": {c.account}})
}

// ask puts a question to the emulator that AWS's API has no answer to, but what AWS runs has.
func ask[T any](ctx context.Context, c *cloud, question string, about url.Values) (answer T, err error) {
	about.Set("region", c.config.Region)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, aws.ToString(c.config.BaseEndpoint)+"/_emulator/ask/"+question+"?"+about.Encode(), nil)
	if err != nil {
		return answer, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return answer, fmt.Errorf("%s", strings.TrimSpace(string(text)))
	}
	return answer, json.NewDecoder(response.Body).Decode(&answer)
}

// act has something happen in the emulator.
func (c *cloud) act(ctx context.Context, action, id string) error {
	body, err := json.Marshal(map[string]string{"action": action, "account": c.account, "region": c.config.Region, "id": id})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, aws.ToString(c.config.BaseEndpoint)+"/_emulator/act", bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
