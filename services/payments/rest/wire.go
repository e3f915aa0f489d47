package rest

import (
	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/money"
)

// wireStatus is the coarse status that the documented wire knows.
func wireStatus(s payments.State) string {
	switch s {
	case payments.Paid, payments.PaidLate:
		return api.StatusPaid
	case payments.Failed:
		return api.StatusFailed
	case payments.Created, payments.AwaitingApproval, payments.Approved, payments.Authorized, payments.Sending:
	}
	return api.StatusPending
}

func wirePayment(p payments.Payment) api.Payment {
	w := api.Payment{
		PendingID: string(p.ID), OfferID: p.OfferID, Status: wireStatus(p.State),
		BuyerWalletAddressURL: p.BuyerWalletAddressURL, IncomingPaymentID: p.IncomingPaymentID,
		OutgoingPaymentID: p.OutgoingPaymentID, QuoteID: p.QuoteID,
		SellerID: p.SellerID, State: string(p.State), Reason: string(p.Reason), Message: p.Message,
		Amount: wireAmount(p.Amount), DebitAmount: wireAmount(p.DebitAmount), ReceivedAmount: wireAmount(p.ReceivedAmount),
		OverpaidAmount: wireAmount(p.Overpaid()),
		CreatedAt:      p.CreatedAt, UpdatedAt: p.UpdatedAt, PaidAt: p.PaidAt,
	}
	if p.State == payments.AwaitingApproval && p.Ending == "" {
		w.RedirectURL, w.ExpiresAt = p.Consent.RedirectURL, p.Consent.ExpiresAt
	}
	return w
}

func wirePayments(all []payments.Payment) []api.Payment {
	wire := make([]api.Payment, len(all))
	for i, p := range all {
		wire[i] = wirePayment(p)
	}
	return wire
}

func wireAmount(a money.Amount) *money.Amount {
	if !a.IsSet() {
		return nil
	}
	return &a
}
