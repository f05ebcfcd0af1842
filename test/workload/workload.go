// Package workload stands in for what runs on the instances of an emulated AWS account: cloud-init or Ignition fetches the
// bootstrap data, kubeadm makes or joins a cluster, and the cluster's API server and etcd answer behind its load balancer.
// Nothing is executed. What an instance knows comes from AWS alone, in the way a real one gets it; Cluster API's own
// in-memory API server and etcd hold what kubeadm would have written.
package workload

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/capa-apiserver/capa-apiserver/test/workload/userdata"
)

// interval is how often the account is looked at: often enough that a machine's boot costs a test no noticeable time.
const interval = 300 * time.Millisecond

// Instances are the emulated instances of one account and region, from their boot to their end.
type Instances struct {
	cloud *cloud

	mu       sync.Mutex
	machines map[string]*machine
	clusters map[string]*cluster
	routes   map[string][]string
	// stepping lets one look at AWS's control planes be made at a time.
	stepping sync.Mutex
	// planes are the control planes of EKS clusters, by what AWS calls them.
	planes map[string]*eksCluster
}

// machine is an instance as its boot left it.
type machine struct {
	data    []byte
	cluster *cluster
	// plane and node are set for nodes of EKS clusters.
	plane *eksCluster
	node  *corev1.Node
	// group is the managed node group of such a node, own the labels that it has besides.
	group string
	own   map[string]string
	// problem is why the boot hasn't ended yet; final says that it never will.
	problem error
	final   bool
}

// Start follows the account's instances until the context ends.
func Start(ctx context.Context, config aws.Config, proxy *Proxy) *Instances {
	s := &Instances{cloud: newCloud(config), machines: map[string]*machine{}, clusters: map[string]*cluster{}, routes: map[string][]string{}, planes: map[string]*eksCluster{}}
	proxy.use(s)
	go func() {
		defer proxy.drop(s)
		for ctx.Err() == nil {
			s.step(ctx)
			s.stepEKS(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(interval):
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.clusters {
			c.stop()
		}
		for _, c := range s.planes {
			c.stop()
		}
	}()
	return s
}

// BootstrapData returns what the instance fetched and booted with, and false if it hasn't yet.
func (s *Instances) BootstrapData(instance string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.machines[instance]
	if m == nil || m.data == nil {
		return nil, false
	}
	return m.data, true
}

// Nodes returns the nodes of the cluster at the endpoint ("host:port") by instance.
func (s *Instances) Nodes(endpoint string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clusters[endpoint]; c != nil {
		return c.nodes()
	}
	return nil
}

// Problems says of each instance that isn't a node yet what it waits for, and of each EKS cluster why its pods don't run.
func (s *Instances) Problems() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(s.machines)) {
		if err := s.machines[id].problem; err != nil {
			lines = append(lines, fmt.Sprintf("instance %s: %v", id, err))
		}
	}
	for _, arn := range slices.Sorted(maps.Keys(s.planes)) {
		if c := s.planes[arn]; c.problem != nil {
			lines = append(lines, fmt.Sprintf("EKS cluster %s: %v", c.plane.Name, c.problem))
		}
	}
	return strings.Join(lines, "\n")
}

// step looks at the account once. What fails is tried again at the next look, as things on a machine are.
func (s *Instances) step(ctx context.Context) {
	instances, err := s.cloud.instances(ctx)
	if err != nil {
		return
	}
	if routes, err := s.cloud.routes(ctx); err == nil {
		s.mu.Lock()
		s.routes = routes
		s.mu.Unlock()
	}
	for _, instance := range instances {
		id := aws.ToString(instance.InstanceId)
		switch instance.State.Name {
		case ec2types.InstanceStateNameRunning:
			s.boot(ctx, instance)
		case ec2types.InstanceStateNameShuttingDown, ec2types.InstanceStateNameTerminated, ec2types.InstanceStateNameStopping, ec2types.InstanceStateNameStopped:
			s.end(ctx, id)
		}
	}
}

// boot goes on with the boot of an instance that isn't a node yet.
func (s *Instances) boot(ctx context.Context, instance ec2types.Instance) {
	id := aws.ToString(instance.InstanceId)
	s.mu.Lock()
	m := s.machines[id]
	if m == nil {
		m = &machine{}
		s.machines[id] = m
	}
	done, data := m.cluster != nil || m.node != nil || m.final, m.data
	s.mu.Unlock()
	if done {
		return
	}
	c, group := s.groupOf(instance)
	managed := group != nil && group.AmiType != ekstypes.AMITypesCustom
	if data == nil && !managed {
		var err error
		if data, err = s.cloud.bootstrapData(ctx, id); err != nil {
			s.note(m, err, false)
			return
		}
		s.mu.Lock()
		m.data = data
		s.mu.Unlock()
	}
	config, err := (*userdata.Config)(nil), error(nil)
	if !managed {
		config, err = userdata.Parse(data)
	}
	if err != nil {
		s.note(m, err, true)
		return
	}
	version, err := s.cloud.kubernetesVersion(ctx, aws.ToString(instance.ImageId))
	if err != nil {
		s.note(m, err, false)
		return
	}
	host := hostOf(instance, version, nil)
	if config != nil {
		host.labels = config.Labels()
	}
	switch {
	case group != nil:
		err = s.joinManaged(ctx, m, c, group, host, config)
	case config.EKS != nil:
		err = s.joinEKS(ctx, m, instance, host, config)
	case config.Init != nil:
		err = s.initialize(ctx, m, host, config)
	default:
		err = s.join(ctx, m, host, config)
	}
	s.note(m, err, false)
}

func (s *Instances) note(m *machine, err error, final bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.problem, m.final = err, final
}

// initialize does what kubeadm init does.
func (s *Instances) initialize(ctx context.Context, m *machine, h host, config *userdata.Config) error {
	endpoint := config.Init.ControlPlaneEndpoint
	s.mu.Lock()
	_, there := s.clusters[endpoint]
	s.mu.Unlock()
	if there {
		return fmt.Errorf("kubeadm init: there is a cluster at %s already", endpoint)
	}
	c, err := newCluster(endpoint, config)
	if err != nil {
		return fmt.Errorf("kubeadm init: %w", err)
	}
	if err := c.initialize(ctx, config); err != nil {
		c.stop()
		return fmt.Errorf("kubeadm init: %w", err)
	}
	if err := c.addNode(ctx, h, true); err != nil {
		c.stop()
		return fmt.Errorf("kubeadm init: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clusters[endpoint], m.cluster = c, c
	return nil
}

// join does what kubeadm join does: it reaches the API server through the load balancer, trusts it by the hash of its
// CA, and shows its token.
func (s *Instances) join(ctx context.Context, m *machine, h host, config *userdata.Config) error {
	endpoint := config.Join.Endpoint
	if _, err := s.route(endpoint); err != nil {
		return fmt.Errorf("kubeadm join: %w", err)
	}
	s.mu.Lock()
	c := s.clusters[endpoint]
	s.mu.Unlock()
	if err := c.admit(ctx, config.Join); err != nil {
		return fmt.Errorf("kubeadm join: %w", err)
	}
	if err := c.addNode(ctx, h, config.Join.ControlPlane); err != nil {
		return fmt.Errorf("kubeadm join: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m.cluster = c
	return nil
}

// end takes an instance's node and pods with it, as AWS's cloud controller and the collection of pods do, and the cluster
// with its last control plane, because its etcd is gone.
func (s *Instances) end(ctx context.Context, id string) {
	s.mu.Lock()
	m := s.machines[id]
	if m == nil || m.final {
		s.mu.Unlock()
		return
	}
	m.final, m.problem = true, nil
	c, plane, node := m.cluster, m.plane, m.node
	s.mu.Unlock()
	if node != nil {
		_ = plane.client.Delete(ctx, node) // Cluster API removes it too
	}
	if c == nil {
		return
	}
	last := c.removeNode(ctx, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if last && s.clusters[c.endpoint] == c {
		delete(s.clusters, c.endpoint)
		c.stop()
	}
}

// route returns the address of the API server behind an endpoint: there is one while the load balancer has a healthy
// target on which it runs.
func (s *Instances) route(endpoint string) (string, error) {
	if address, known, err := s.routeEKS(endpoint); known {
		return address, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	healthy, known := s.routes[endpoint]
	if !known {
		return "", fmt.Errorf("no load balancer listens at %s", endpoint)
	}
	c := s.clusters[endpoint]
	for _, id := range healthy {
		if m := s.machines[id]; c != nil && m != nil && m.cluster == c && !m.final && c.serves(id) {
			return c.address, nil
		}
	}
	return "", fmt.Errorf("the load balancer at %s has no target that answers, of %v", endpoint, healthy)
}
