package main

import (
	"net"
	"net/mail"
	"net/url"
	"slices"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/settings"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/language"
	"tianguis.example/marketplace/notify"
	"tianguis.example/marketplace/web"
	"tianguis.example/payments/webhook"
)

// The values of MAIL_DELIVERY.
const (
	mailOff  = "off"
	mailSMTP = "smtp"
	mailPage = "page"
)

func (c *Config) validateMail() error {
	if !slices.Contains([]string{mailOff, mailSMTP, mailPage}, c.MailDelivery) {
		return settings.Wrong("MAIL_DELIVERY", "must be off, smtp or page, not %q", c.MailDelivery)
	}
	if base, err := url.Parse(c.BaseURL); c.MailDelivery == mailPage && (err != nil || !loopback(base)) {
		return settings.Wrong("MAIL_DELIVERY", "is page, which shows every mail to whoever opens /dev/mail, and MARKETPLACE_BASE_URL is not on this machine")
	}
	if !slices.Contains([]notify.Security{notify.StartTLS, notify.ImplicitTLS, notify.NoTLS}, notify.Security(c.SMTPSecurity)) {
		return settings.Wrong("SMTP_TLS", "must be starttls, tls or none, not %q", c.SMTPSecurity)
	}
	for name, address := range map[string]string{"MAIL_FROM": c.MailFrom, "MAIL_REPLY_TO": c.MailReplyTo} {
		if _, err := mail.ParseAddress(address); address != "" && err != nil {
			return settings.Wrong(name, "must be an address such as Tianguis <no-reply@market.example>, not %q", address)
		}
	}
	if c.MailDelivery != mailSMTP {
		return nil
	}
	if host, port, err := net.SplitHostPort(c.SMTPAddress); err != nil || host == "" || port == "" {
		return settings.Wrong("SMTP_ADDRESS", "must be the mail server's host:port, not %q", c.SMTPAddress)
	}
	if c.MailFrom == "" {
		return settings.Wrong("MAIL_FROM", "is missing: mails are from somebody")
	}
	if (c.SMTPUsername == "") != (c.SMTPPassword == "") {
		return settings.Wrong("SMTP_PASSWORD", "and SMTP_USERNAME go together: one of them is missing")
	}
	if c.SMTPPassword != "" && notify.Security(c.SMTPSecurity) == notify.NoTLS {
		return settings.Wrong("SMTP_TLS", "is none, and SMTP_PASSWORD would be readable on its way")
	}
	return nil
}

func (c *Config) validateSMS() error {
	if _, err := c.smsSecrets(); err != nil {
		return settings.Wrong("SMS_GATEWAY_SECRET", "cannot be used: %v", err)
	}
	if c.SMSURL == "" {
		return nil
	}
	gateway, err := url.Parse(c.SMSURL)
	if err != nil || gateway.Host == "" || gateway.Scheme != "https" && (gateway.Scheme != "http" || !loopback(gateway) && c.SMSAuthorization != "") {
		return settings.Wrong("SMS_GATEWAY_URL", "must be an address such as https://sms.example/send; one with http may have SMS_GATEWAY_AUTHORIZATION on this machine only")
	}
	return nil
}

func (c *Config) smsSecrets() (webhook.Secrets, error) {
	if c.SMSSecret == "" {
		return nil, nil
	}
	return webhook.ParseSecrets(c.SMSSecret.Reveal())
}

// senders are the channels that are set up; with the page that shows mails, when that is where they go.
func (c *Config) senders(now clock.Clock) (map[marketplace.Channel]notify.Sender, *notify.Page, error) {
	languages, err := language.Load()
	if err != nil {
		return nil, nil, err
	}
	senders := map[marketplace.Channel]notify.Sender{}
	var page *notify.Page
	var box notify.Mailbox
	switch c.MailDelivery {
	case mailPage:
		page = notify.NewPage(now)
		box = page
	case mailSMTP:
		box = &notify.SMTP{
			Address: c.SMTPAddress, Security: notify.Security(c.SMTPSecurity), Username: c.SMTPUsername, Password: c.SMTPPassword,
			From: c.MailFrom, ReplyTo: c.MailReplyTo, Clock: now,
		}
	}
	if box != nil {
		mailer, err := notify.NewMailer(box, c.BaseURL, languages)
		if err != nil {
			return nil, nil, err
		}
		senders[marketplace.Email] = mailer
	}
	if c.SMSURL != "" {
		secrets, err := c.smsSecrets()
		if err != nil {
			return nil, nil, err
		}
		senders[marketplace.SMS] = &notify.Gateway{
			URL: c.SMSURL, Authorization: c.SMSAuthorization, Secrets: secrets, BaseURL: c.BaseURL, Languages: languages, Clock: now, Client: notify.NewGatewayClient(),
		}
	}
	return senders, page, nil
}

// channels are those that are set up.
func (c *Config) channels() (all []marketplace.Channel) {
	if c.MailDelivery != mailOff {
		all = append(all, marketplace.Email)
	}
	if c.SMSURL != "" {
		all = append(all, marketplace.SMS)
	}
	return all
}

// mails is what the development's page shows; nil without one, so that there is no such page.
func mails(page *notify.Page) func() []web.DevMail {
	if page == nil {
		return nil
	}
	return func() []web.DevMail {
		var all []web.DevMail
		for _, m := range page.Mails() {
			all = append(all, web.DevMail{ID: m.ID, Kind: m.Kind, To: m.To, Subject: m.Subject, Text: m.Text, HTML: m.HTML, At: m.At})
		}
		return all
	}
}
