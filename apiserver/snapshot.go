package apiserver

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/capa-apiserver/capa-apiserver/apiserver/etcd"
)

const snapshotHelp = `Save all that is stored into a file, or make a store from one.

The store is the embedded etcd's, in --data-dir, or that in the etcd of
--etcd-servers. A file that was saved from one can be restored into the other, so
the two commands also move an installation from one to the other.

A file has what users wrote and what the server noted; it has no credentials,
and nothing of AWS. A restored store is another one than before: the server
serves it once the Lease of the store of before is deleted. What the server made
in AWS after the snapshot for objects that the snapshot has, it finds again by
its tags, and makes nothing twice. What it made for objects that came later stays
in AWS without an object: docs/operations.md, "Backup and restore", says how to
find it.`

const saveExample = `  # of a server in a pod, while it runs
  kubectl exec -n capa-system capa-apiserver-0 -- capa-apiserver snapshot save - > backup.db

  # of a folder on this machine, whether or not its server runs
  capa-apiserver snapshot save backup.db --data-dir=./data

  # from an etcd
  capa-apiserver snapshot save backup.db --etcd-servers=https://etcd:2379 \
    --etcd-cafile=ca.crt --etcd-certfile=client.crt --etcd-keyfile=client.key`

const restoreExample = `  # into a folder, whose server has ended; what was there is kept beside
  capa-apiserver snapshot restore backup.db --data-dir=./data

  # into an etcd that has nothing of capa-apiserver's
  capa-apiserver snapshot restore backup.db --etcd-servers=https://etcd:2379 \
    --etcd-cafile=ca.crt --etcd-certfile=client.crt --etcd-keyfile=client.key

  # then let the restored store serve, and start the server
  kubectl delete lease -n capa-system capa-apiserver`

// location is where a store is.
type location struct {
	dataDir string
	servers []string
	prefix  string
	tls     transport.TLSInfo
}

func (l *location) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&l.dataDir, "data-dir", "/var/lib/capa-apiserver", "Folder of the embedded etcd. Not used with --etcd-servers.")
	fs.StringSliceVar(&l.servers, "etcd-servers", nil, "Etcd servers in place of the folder, as https://host:port.")
	fs.StringVar(&l.prefix, "etcd-prefix", etcd.Prefix, "What the keys begin with there, as with the server's flag.")
	fs.StringVar(&l.tls.TrustedCAFile, "etcd-cafile", "", "Authority of the etcd servers' certificates.")
	fs.StringVar(&l.tls.CertFile, "etcd-certfile", "", "Certificate with which etcd lets us in.")
	fs.StringVar(&l.tls.KeyFile, "etcd-keyfile", "", "Key of that certificate.")
}

// client is how the etcd servers are reached.
func (l *location) client() (clientv3.Config, error) {
	config := clientv3.Config{Endpoints: l.servers}
	if l.tls.Empty() && l.tls.TrustedCAFile == "" {
		return config, nil
	}
	var err error
	if config.TLS, err = l.tls.ClientConfig(); err != nil {
		return config, fmt.Errorf("--etcd-cafile, --etcd-certfile, --etcd-keyfile: %w", err)
	}
	return config, nil
}

func newSnapshotCommand() *cobra.Command {
	at := &location{}
	parent := &cobra.Command{Use: "snapshot", Short: "Save what is stored into a file, or restore it", Long: snapshotHelp}
	parent.AddCommand(
		&cobra.Command{
			Use: "save FILE", Short: "Save all that is stored into a file; - is the standard output",
			Long: snapshotHelp, Example: saveExample, Args: cobra.ExactArgs(1), SilenceUsage: true,
			RunE: func(cmd *cobra.Command, args []string) error { return at.save(cmd, args[0]) },
		},
		&cobra.Command{
			Use: "restore FILE", Short: "Make a store from a file; - is the standard input",
			Long: snapshotHelp, Example: restoreExample, Args: cobra.ExactArgs(1), SilenceUsage: true,
			RunE: func(cmd *cobra.Command, args []string) error { return at.restore(cmd, args[0]) },
		},
	)
	at.addFlags(parent.PersistentFlags())
	return parent
}

func (l *location) save(cmd *cobra.Command, file string) error {
	if file != "-" {
		if _, err := os.Stat(file); err == nil {
			return fmt.Errorf("%s exists already: name a new file", file)
		}
		if err := l.saveTo(cmd, file); err != nil {
			return err
		}
		cmd.PrintErrf("saved to %s\n", file)
		return nil
	}
	return withTemp(func(temp string) error {
		if err := l.saveTo(cmd, temp); err != nil {
			return err
		}
		saved, err := os.Open(temp)
		if err != nil {
			return err
		}
		defer saved.Close()
		_, err = io.Copy(cmd.OutOrStdout(), saved)
		return err
	})
}

func (l *location) saveTo(cmd *cobra.Command, file string) error {
	if len(l.servers) == 0 {
		return etcd.Save(cmd.Context(), l.dataDir, file)
	}
	config, err := l.client()
	if err != nil {
		return err
	}
	return etcd.SaveExternal(cmd.Context(), config, l.prefix, file)
}

func (l *location) restore(cmd *cobra.Command, file string) error {
	if file != "-" {
		return l.restoreFrom(cmd, file)
	}
	return withTemp(func(temp string) error {
		out, err := os.Create(temp)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, cmd.InOrStdin())
		if err := errors.Join(err, out.Close()); err != nil {
			return err
		}
		return l.restoreFrom(cmd, temp)
	})
}

func (l *location) restoreFrom(cmd *cobra.Command, file string) error {
	if len(l.servers) == 0 {
		kept, err := etcd.Restore(cmd.Context(), file, l.dataDir)
		if err != nil {
			return err
		}
		cmd.PrintErrf("restored into %s\n", l.dataDir)
		if kept != "" {
			cmd.PrintErrf("what was there is in %s: delete it when all is well\n", kept)
		}
	} else {
		config, err := l.client()
		if err != nil {
			return err
		}
		if err := etcd.RestoreExternal(cmd.Context(), file, config, l.prefix); err != nil {
			return err
		}
		cmd.PrintErrf("restored into %v\n", l.servers)
	}
	cmd.PrintErrln("now let it serve, with the server's namespace: kubectl delete lease -n capa-system " + leaderLease)
	cmd.PrintErrln("and start the server")
	return nil
}

// withTemp does something with the name of a file that is gone afterwards.
func withTemp(do func(file string) error) error {
	dir, err := os.MkdirTemp("", "capa-snapshot-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return do(filepath.Join(dir, "store.db"))
}
