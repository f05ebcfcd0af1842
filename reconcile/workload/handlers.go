package workload

import (
	"context"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Put has an object be as given: with a resource version it is changed if it is still as it was, without
// one it is made.
type Put struct {
	Target Target
	Ref    Ref
	Object *unstructured.Unstructured
}

// Remove has an object go that is the one that was seen.
type Remove struct {
	Target Target
	Ref    Ref
	UID    types.UID
}

// Handlers carry out what is planned for clusters. What they leave behind is among the facts.
func Handlers(c *Clusters) []plan.Handler {
	return []plan.Handler{
		plan.Custom("WriteToWorkloadCluster", c.put, nil),
		plan.Custom("RemoveFromWorkloadCluster", c.remove, nil),
	}
}

func (c *Clusters) put(ctx context.Context, s *cloud.Session, in *Put) (*unstructured.Unstructured, error) {
	var written *unstructured.Unstructured
	return written, c.write(s, in.Target, in.Ref, func(k *cluster) (*unstructured.Unstructured, error) {
		objects := k.clients.Dynamic.Resource(in.Ref.resource()).Namespace(in.Ref.Namespace)
		var err error
		if in.Object.GetResourceVersion() == "" {
			written, err = objects.Create(ctx, in.Object, metav1.CreateOptions{})
		} else {
			written, err = objects.Update(ctx, in.Object, metav1.UpdateOptions{})
		}
		return written, err
	})
}

func (c *Clusters) remove(ctx context.Context, s *cloud.Session, in *Remove) (*metav1.Status, error) {
	return nil, c.write(s, in.Target, in.Ref, func(k *cluster) (*unstructured.Unstructured, error) {
		options := metav1.DeleteOptions{}
		if in.UID != "" {
			options.Preconditions = &metav1.Preconditions{UID: &in.UID}
		}
		err := k.clients.Dynamic.Resource(in.Ref.resource()).Namespace(in.Ref.Namespace).Delete(ctx, in.Ref.Name, options)
		if apierrors.IsNotFound(err) {
			err = nil
		}
		return nil, err
	})
}

// write does something to an object and keeps how it is then. After a failure it is looked at anew.
func (c *Clusters) write(s *cloud.Session, t Target, ref Ref, do func(*cluster) (*unstructured.Unstructured, error)) error {
	k, err := c.at(s, t)
	if err != nil {
		return err
	}
	obj, err := do(k)
	err = Failure(err)
	if isCode(err, codeUnreachable, codeRefused) {
		c.failed(k, err)
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		k.facts = k.facts.with(ref, obj)
	} else {
		k.facts = &Facts{Time: k.facts.Time} // nothing is known for sure: all is looked at again
	}
	return err
}

// accessLife is how long a token of the service account of a lasting access is good; EKS gives no more.
const accessLife = 24 * time.Hour

// AccessToken asks the cluster for a token of the service account of a lasting access.
func (c *Clusters) AccessToken(ctx context.Context, s *cloud.Session, t Target) (cloud.Token, error) {
	k, err := c.at(s, t)
	if err != nil {
		return cloud.Token{}, err
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(accessLife / time.Second))}}
	answer, err := k.clients.Typed.CoreV1().ServiceAccounts(administrator.Namespace).CreateToken(ctx, administrator.Name, request, metav1.CreateOptions{})
	if err != nil {
		return cloud.Token{}, Failure(err)
	}
	return cloud.Token{Value: answer.Status.Token, Life: answer.Status.ExpirationTimestamp.Sub(c.clock.Now())}, nil
}
