package workload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/test/workload/userdata"
)

// cluster is a workload cluster and the instances that are its nodes.
type cluster struct {
	*server
	// endpoint is "host:port" of the load balancer before it.
	endpoint string

	mu    sync.Mutex
	hosts map[string]host
}

func newCluster(endpoint string, config *userdata.Config) (*cluster, error) {
	name, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		return nil, fmt.Errorf("controlPlaneEndpoint: %w", err)
	}
	ca, err := readAuthority(config.Files, caFile)
	if err != nil {
		return nil, err
	}
	etcdCA, err := readAuthority(config.Files, etcdCAFile)
	if err != nil {
		return nil, err
	}
	s, err := newServer(name, ca, etcdCA, func(next http.Handler) http.Handler { return next })
	if err != nil {
		return nil, err
	}
	return &cluster{server: s, endpoint: endpoint, hosts: map[string]host{}}, nil
}

// initialize makes what kubeadm makes once in a cluster.
func (c *cluster) initialize(ctx context.Context, config *userdata.Config) error {
	for _, object := range onceObjects(config) {
		if err := c.client.Create(ctx, object); err != nil {
			return fmt.Errorf("create %T %s: %w", object, object.GetName(), err)
		}
	}
	return nil
}

// admit judges a join as the API server of the cluster and the joining kubeadm do.
func (c *cluster) admit(ctx context.Context, join *userdata.Join) error {
	sum := sha256.Sum256(c.ca.cert.RawSubjectPublicKeyInfo)
	if hash := "sha256:" + hex.EncodeToString(sum[:]); !slices.Contains(join.CAHashes, hash) {
		return fmt.Errorf("the cluster's CA is %s, and caCertHashes are %v", hash, join.CAHashes)
	}
	id, secret, _ := strings.Cut(join.Token, ".")
	token := &corev1.Secret{}
	if err := c.client.Get(ctx, client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: "bootstrap-token-" + id}, token); err != nil {
		return fmt.Errorf("bootstrap token: %w", err)
	}
	if string(token.Data["token-secret"]) != secret {
		return errors.New("the bootstrap token's secret is another")
	}
	return nil
}

// addNode makes the Node of a host and, of a control plane, its static pods.
func (c *cluster) addNode(ctx context.Context, h host, controlPlane bool) error {
	h.controlPlane = controlPlane
	objects := []client.Object{h.node()}
	if controlPlane {
		etcd, err := c.etcdPod(ctx, h)
		if err != nil {
			return err
		}
		objects = append(objects, etcd)
		for _, component := range staticComponents {
			objects = append(objects, h.staticPod(component))
		}
	}
	for _, object := range objects {
		// What an earlier try made is as this one would make it.
		if err := client.IgnoreAlreadyExists(c.client.Create(ctx, object)); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hosts[h.instance] = h
	return nil
}

// removeNode removes an instance's Node and pods, and says whether no control plane is left.
func (c *cluster) removeNode(ctx context.Context, instance string) (last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[instance]
	delete(c.hosts, instance)
	for _, component := range append([]string{etcdComponent}, staticComponents...) {
		_ = c.client.Delete(ctx, h.staticPod(component)) // workers have none
	}
	_ = c.client.Delete(ctx, h.node()) // Cluster API removes it too
	if h.controlPlane {
		c.elect(ctx)
	}
	for _, other := range c.hosts {
		if other.controlPlane {
			return false
		}
	}
	return true
}

// serves says whether the API server runs on an instance.
func (c *cluster) serves(instance string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hosts[instance].controlPlane
}

func (c *cluster) nodes() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := map[string]string{}
	for id, h := range c.hosts {
		names[id] = h.name
	}
	return names
}
