package generic

import (
	"context"

	"k8s.io/apiserver/pkg/authentication/user"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
)

// isServer tells whether this server writes: its reconcilers, through its loopback client.
// Only the loopback token gives that name, or the host's API server, which vouches for the
// users it forwards and writes none of these objects itself. Its groups tell nothing: every
// administrator of the host has them.
func isServer(ctx context.Context) bool {
	who, found := genericapirequest.UserFrom(ctx)
	return found && who.GetName() == user.APIServerUser
}
