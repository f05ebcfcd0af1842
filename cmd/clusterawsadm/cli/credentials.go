package cli

import (
	"encoding/base64"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
)

// Forms of a profile.
const (
	rawProfile     = "rawSharedConfig"
	encodedProfile = "base64SharedConfig"
)

// anyRegion is written where none is known: it decides where STS is asked, not where clusters are.
const anyRegion = "us-east-1"

func bootstrapCredentials() *cobra.Command {
	return group("credentials", "Encode credentials for clusterctl", `
Encode credentials for "clusterctl init", which puts them into the management cluster.`, encodeAsProfile())
}

func encodeAsProfile() *cobra.Command {
	c := command("encode-as-profile", "Print credentials as a profile", `
Print the credentials that the AWS CLI would use as a profile of ~/.aws/credentials, in base64 for AWS_B64ENCODED_CREDENTIALS.

Those of a session (single sign-on, assumed roles, an instance's role) end with it: use them to begin with, and then give the
controllers a role of their own (an instance profile, IRSA, Pod Identity).`, `
  export AWS_B64ENCODED_CREDENTIALS=$(clusterawsadm bootstrap credentials encode-as-profile)

  # To look at
  clusterawsadm bootstrap credentials encode-as-profile --output rawSharedConfig`,
		func(c *cobra.Command) error {
			output := text(c, "output")
			if output != rawProfile && output != encodedProfile {
				return fmt.Errorf("--output is %q; write %s or %s", output, rawProfile, encodedProfile)
			}
			warnf(c, "\nWARNING: `%s` should only be used for bootstrapping.\n\n", c.Name())
			profile, err := profileOf(c)
			if err != nil {
				return err
			}
			if output == encodedProfile {
				profile = base64.StdEncoding.EncodeToString([]byte(profile))
			}
			printf(c, "%s\n", profile)
			return nil
		})
	c.Flags().String("output", encodedProfile, "the profile's form: "+rawProfile+" or "+encodedProfile)
	addRegion(c, "")
	addProfile(c)
	return c
}

// profileOf is the profile of a command's account.
func profileOf(c *cobra.Command) (string, error) {
	account, err := account(c, anyRegion)
	if err != nil {
		return "", err
	}
	keys, err := credentialsOf(c, account)
	if err != nil {
		return "", err
	}
	if keys.SessionToken != "" {
		until := ""
		if keys.CanExpire {
			until = " at " + keys.Expires.UTC().Format("2006-01-02 15:04 MST")
		}
		warnf(c, "These are credentials of a session: they end with it%s, and clusters aren't looked after from then on.\n", until)
	}
	return profile(account.Region, keys), nil
}

func profile(region string, keys aws.Credentials) string {
	token := ""
	if keys.SessionToken != "" {
		token = "\naws_session_token = " + keys.SessionToken
	}
	return fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\nregion = %s\n%s\n", keys.AccessKeyID, keys.SecretAccessKey, region, token)
}
