// Command cmd is the server with one kind more, for tests.
package main

import (
	"os"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"

	"github.com/capa-apiserver/capa-apiserver/apiserver"
	"github.com/capa-apiserver/capa-apiserver/test/ninth"
)

func main() {
	os.Exit(cli.Run(apiserver.NewCommand(genericapiserver.SetupSignalContext(), ninth.Row())))
}
