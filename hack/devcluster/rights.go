package devcluster

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/capi"
)

// serverRights is the step that gives capa-apiserver's user its rights.
const serverRights = build.Server + " rights"

// serverUser is the user of capa-apiserver's certificate: the service account of its manifests, so that it has the rights
// that it will have in a cluster and no others.
const serverUser = "system:serviceaccount:capa-system:capa-apiserver"

// serverGroups are those of every service account of the namespace.
var serverGroups = []string{"system:serviceaccounts", "system:serviceaccounts:capa-system"}

// serverManifests hold the rights of a server that runs outside the cluster that it extends, as it does here.
var serverManifests = filepath.Join("manifests", "overlays", "outside")

// serverKubeconfig is the one that capa-apiserver takes. Nobody here can issue certificates for an existing cluster, so
// there the server is whoever the user is.
func (l *launch) serverKubeconfig() string {
	if l.state.External {
		return l.layout.kubeconfig()
	}
	return l.layout.userKubeconfig(build.Server)
}

// rightsSteps come with every control plane, so that a server that somebody starts by hand has them too.
func (l *launch) rightsSteps() []step {
	if !l.chosen[build.KubeAPIServer] {
		return nil
	}
	return []step{{name: serverRights, after: []string{build.KubeAPIServer}, run: l.applyServerRights}}
}

func (l *launch) applyServerRights(ctx context.Context) (string, error) {
	objects, err := capi.RenderFolder(filepath.Join(l.Repo, serverManifests))
	if err != nil {
		return "", err
	}
	client, err := l.client()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := capi.Apply(ctx, client, objects); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d objects applied, of %s", len(objects), serverManifests), nil
}
