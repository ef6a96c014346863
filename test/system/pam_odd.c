/* An account module that does what users are unlucky with: it hangs for bob until /run/answer is there, asks
   carol a question, does not know dave's database, crashes for erin and for frank, ends the process for grace,
   and lets everybody else in. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pam_message { int style; const char *text; };
struct pam_response { char *text; int retcode; };
struct pam_conv {
  int (*ask)(int, const struct pam_message **, struct pam_response **, void *);
  void *data;
};
enum { SUCCESS = 0, SYSTEM_ERR = 4, PERM_DENIED = 6, ASK = 1, ITEM_CONV = 5, ITEM_TTY = 3 };
int pam_get_user(void *pam, const char **user, const char *prompt);
int pam_get_item(const void *pam, int item, const void **value);

int pam_sm_acct_mgmt(void *pam, int flags, int argc, const char **argv) {
  const char *user = "", *tty = "";
  (void)flags, (void)argc, (void)argv;
  pam_get_user(pam, &user, NULL);
  pam_get_item(pam, ITEM_TTY, (const void **)&tty);
  if (strcmp(tty, "cron") != 0) return SYSTEM_ERR;
  if (strcmp(user, "bob") == 0)
    while (access("/run/answer", F_OK) != 0) usleep(10000);
  if (strcmp(user, "dave") == 0) return SYSTEM_ERR;
  if (strcmp(user, "erin") == 0) raise(SIGSEGV);
  if (strcmp(user, "frank") == 0) abort();
  if (strcmp(user, "grace") == 0) exit(0);
  if (strcmp(user, "carol") == 0) {
    const struct pam_conv *conv = NULL;
    struct pam_message question = {ASK, "Really? "};
    const struct pam_message *questions = &question;
    struct pam_response *answer = NULL;
    pam_get_item(pam, ITEM_CONV, (const void **)&conv);
    return conv->ask(1, &questions, &answer, conv->data) == SUCCESS ? SUCCESS : PERM_DENIED;
  }
  return SUCCESS;
}
