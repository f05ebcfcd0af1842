package certs

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

// sync reads the Secret, writes it if something in it is due, and gives the
// data it ends up with. When another replica was faster, its pair is taken: the
// write carries the resourceVersion that was read.
func (m *Manager) sync(ctx context.Context) (map[string][]byte, error) {
	var data map[string][]byte
	lost := func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }
	err := retry.OnError(retry.DefaultRetry, lost, func() error {
		var err error
		data, err = m.syncOnce(ctx)
		return err
	})
	return data, err
}

func (m *Manager) syncOnce(ctx context.Context) (map[string][]byte, error) {
	secret, err := m.opts.Client.CoreV1().Secrets(m.opts.Namespace).Get(ctx, m.opts.SecretName, metav1.GetOptions{})
	absent := apierrors.IsNotFound(err)
	if err != nil && !absent {
		return nil, err
	}
	if absent {
		secret = m.emptySecret()
	}
	next, changed, err := renew(parse(secret.Data), &m.opts, m.opts.Clock.Now(), m.jitter)
	if err != nil {
		return nil, err
	}
	if !changed {
		return secret.Data, nil
	}
	data, err := next.encode()
	if err != nil {
		return nil, fmt.Errorf("encoding the new pair: %w", err)
	}
	secret = secret.DeepCopy()
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	for key, value := range data {
		secret.Data[key] = value
	}
	return secret.Data, m.write(ctx, secret, absent)
}

func (m *Manager) emptySecret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: m.opts.Namespace,
			Name:      m.opts.SecretName,
			Labels:    map[string]string{"app.kubernetes.io/managed-by": "capa-apiserver"},
		},
		Type: corev1.SecretTypeTLS,
	}
}

func (m *Manager) write(ctx context.Context, secret *corev1.Secret, absent bool) error {
	secrets := m.opts.Client.CoreV1().Secrets(m.opts.Namespace)
	if !absent {
		_, err := secrets.Update(ctx, secret, metav1.UpdateOptions{})
		return err
	}
	_, err := secrets.Create(ctx, secret, metav1.CreateOptions{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	// Only a missing Namespace makes a create answer "not found".
	if !m.opts.CreateNamespace {
		return fmt.Errorf("%w: create the Namespace %s first", err, m.opts.Namespace)
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: m.opts.Namespace}}
	if _, err := m.opts.Client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	_, err = secrets.Create(ctx, secret, metav1.CreateOptions{})
	return err
}
