package kubeconfig

import (
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capa-apiserver/capa-apiserver/reconcile/workload"
)

// execVersion is the protocol of the programs that give tokens.
const execVersion = "client.authentication.k8s.io/v1beta1"

// config is a kubeconfig for one user of a cluster.
func config(t workload.Target, user string, auth *clientcmdapi.AuthInfo) *clientcmdapi.Config {
	c, name := clientcmdapi.NewConfig(), user+"@"+t.Name
	c.Clusters[t.Name] = &clientcmdapi.Cluster{Server: t.Endpoint, CertificateAuthorityData: t.CA}
	c.AuthInfos[user] = auth
	c.Contexts[name] = &clientcmdapi.Context{Cluster: t.Name, AuthInfo: user}
	c.CurrentContext = name
	return c
}

// WithToken is a kubeconfig whose bearer administers the cluster as long as the token lives.
func WithToken(t workload.Target, token string) *clientcmdapi.Config {
	return config(t, t.Name+"-capi-admin", &clientcmdapi.AuthInfo{Token: token})
}

// withTokenFile reads the token from a file beside it.
func withTokenFile(t workload.Target) *clientcmdapi.Config {
	return config(t, t.Name+"-capi-admin", &clientcmdapi.AuthInfo{TokenFile: "./" + tokenFileKey})
}

// withProgram runs a program that makes a token of the user's own credentials.
func withProgram(t workload.Target, method Method, region string) *clientcmdapi.Config {
	run := &clientcmdapi.ExecConfig{APIVersion: execVersion, Command: "aws-iam-authenticator", Args: []string{"token", "-i", t.Name}, InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode}
	if method == AWSCLI {
		run.Command, run.Args = "aws", []string{"eks", "get-token", "--cluster-name", t.Name, "--region", region}
	}
	return config(t, t.Name+"-user", &clientcmdapi.AuthInfo{Exec: run})
}

// methodOf tells which program a kubeconfig runs, "" if none that is known.
func methodOf(auth *clientcmdapi.AuthInfo) Method {
	switch {
	case auth.Exec == nil:
	case auth.Exec.Command == "aws":
		return AWSCLI
	case auth.Exec.Command == "aws-iam-authenticator":
		return Authenticator
	}
	return ""
}
