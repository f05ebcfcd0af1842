package takeover

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// state is what has been done and what was before, kept in a ConfigMap: who is interrupted
// goes on from it.
type state struct {
	// Paused are the Clusters that were not paused before, as namespace/name; nil until that
	// is known.
	Paused []string `json:"paused,omitempty"`
	// PausedKnown tells that Paused is complete.
	PausedKnown bool `json:"pausedKnown,omitempty"`
	// Replicas are those of CAPA's Deployments, by namespace/name.
	Replicas map[string]int32 `json:"replicas,omitempty"`
	// Webhooks are CAPA's webhook configurations, by resource and name.
	Webhooks map[string]json.RawMessage `json:"webhooks,omitempty"`
	// Copied tells that all objects are in the server's store, and that the copies count.
	Copied bool `json:"copied,omitempty"`
	// Store is the server's that they were copied into, and Copies are the UIDs of some. Earlier versions noted neither.
	Store  string      `json:"store,omitempty"`
	Copies []types.UID `json:"copies,omitempty"`
	Done   bool        `json:"done,omitempty"`
	// RollingBack tells that everything is being given back.
	RollingBack bool `json:"rollingBack,omitempty"`
	// AllThere tells that CAPA's objects are as the server's, so that owner references may name them.
	AllThere bool `json:"allThere,omitempty"`
	// WrittenBack tells that owner references do, and that the server's copies don't count any more.
	WrittenBack bool `json:"writtenBack,omitempty"`
}

const stateKey = "state"

func (t *taker) load(ctx context.Context) (*state, error) {
	s := &state{}
	kept, err := t.maps().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(kept.Data[stateKey]), s); err != nil {
		return nil, fmt.Errorf("ConfigMap %s/%s: %w", t.Namespace, name, err)
	}
	return s, nil
}

// note changes the state and keeps it.
func (t *taker) note(ctx context.Context, what string, change func(*state)) error {
	next := *t.state
	change(&next)
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	return t.write("note in ConfigMap "+name+" "+what, func() error {
		err := t.keep(ctx, map[string]string{stateKey: string(text)})
		if err == nil {
			t.state = &next
		}
		return err
	})
}

func (t *taker) keep(ctx context.Context, data map[string]string) error {
	existing, err := t.maps().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = t.maps().Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: name}, Data: data}, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	existing.Data = data
	_, err = t.maps().Update(ctx, existing, metav1.UpdateOptions{})
	return err
}

func (t *taker) forget(ctx context.Context) error {
	return t.write("delete ConfigMap "+name, func() error {
		return ignoreNotFound(t.maps().Delete(ctx, name, metav1.DeleteOptions{}))
	})
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
